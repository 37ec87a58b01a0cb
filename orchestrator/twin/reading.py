"""Reads typed views back out of the case file's evidence, newest first. What was cut is no JSON and is skipped."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from pydantic import ValidationError

from incidents.evidence import Evidence
from incidents.ids import EvidenceId
from incidents.value import Value

ViewT = TypeVar("ViewT", bound=Value)
FoundT = TypeVar("FoundT")


def newest(
    evidence: Sequence[Evidence],
    probe: str,
    form: type[ViewT],
    pick: Callable[[ViewT], FoundT | None],
    *,
    asked: Callable[[str], bool] = lambda _query: True,
) -> tuple[FoundT, EvidenceId] | None:
    """The first answer that `pick` gives, of the newest observation of that probe that holds one, with its id.

    `asked` says by its query whether an observation is about the right place at all, where an empty one would not show.
    """
    for item in reversed(evidence):
        if item.probe != probe or not asked(item.query):
            continue
        try:
            found = pick(_view(form, item.body))
        except ValidationError:
            continue
        if found is not None:
            return found, item.id
    return None


@lru_cache(maxsize=64)
def _view(form: type[ViewT], body: str) -> ViewT:
    """Kept for the few dozen readings of one rehearsal: each part of it asks for the same workloads and pods."""
    return form.model_validate_json(body)
