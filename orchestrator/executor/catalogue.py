"""The cards of all actions: what may be known of the catalogue without being able to use it. Handed to everybody."""

from collections.abc import Mapping

from incidents.ids import ActionKind
from tools.action import ActionCard, actions


def cards() -> Mapping[ActionKind, ActionCard]:
    """All cards by kind."""
    return {kind: action.card for kind, action in actions().items()}
