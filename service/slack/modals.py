"""The modals: why a proposal is rejected, the target's name for an approval of high risk. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from incidents.canonical import Json
from incidents.ids import ProposalDigest
from incidents.rejection import Hold, Wish
from incidents.value import Value
from service.slack.blocks import plain, section
from service.slack.mrkdwn import bold, safe

REJECT, TYPED = "reject_reason", "approve_typed_name"
"""Callback ids."""
INPUT, HOLD, THEN = "answer", "hold", "then"
"""Ids of the inputs, as block and as action."""
HOLDS: tuple[tuple[Hold, str], ...] = (
    (Hold.INCIDENT, "for this incident"),
    (Hold.DAY, "for a day"),
    (Hold.MONTH, "for a month"),
    (Hold.LIFTED, "until somebody lifts it"),
)
PEOPLE, ANOTHER = "people", "another"
THENS = ((PEOPLE, "people take it from here"), (ANOTHER, "propose the next best"))

View = dict[str, Json]


class Origin(Value):
    """What a modal was opened for, carried in its private metadata."""

    digest: ProposalDigest
    channel: str
    thread: str
    """Timestamp of the card."""

    def packed(self) -> str:
        """As text."""
        return self.model_dump_json()


def reject_modal(origin: Origin, summary: str) -> View:
    """Asks for the reason."""
    asked = section(f"{bold(summary)}\nThe reason is kept, and the next proposal learns from it.")
    view = _modal(REJECT, "Reject", origin, asked, label="Why should it not be done?", submit="Reject", lines=True)
    more = (
        _select(HOLD, "Not to be proposed again", HOLDS, first=Wish().hold),
        _select(THEN, "Then", THENS, first=PEOPLE),
    )
    return view | {"blocks": [*_blocks(view), *more]}


def typed_modal(origin: Origin, summary: str, target: str) -> View:
    """Asks for the target's name, as people confirm what cannot be taken back."""
    asked = section(f"{bold(summary)}\nThis is of high risk. Type *{safe(target)}* to approve it.")
    return _modal(TYPED, "Approve", origin, asked, label="Name of the target", submit="Approve", lines=False)


def values(view: dict[str, object]) -> tuple[Origin, str]:
    """What a submitted modal was opened for, and what was typed."""
    body = json.loads(json.dumps(view))
    typed = body["state"]["values"][INPUT][INPUT].get("value") or ""
    return Origin.model_validate_json(body["private_metadata"]), str(typed)


def wish_of(view: dict[str, object]) -> Wish:
    """What the one who rejects wants of later proposals; what was not chosen is as it is without asking."""
    state = json.loads(json.dumps(view))["state"]["values"]
    chosen = {key: _chosen(state, key) for key in (HOLD, THEN)}
    holds = {hold.value: hold for hold in Hold}
    return Wish(hold=holds.get(chosen[HOLD], Wish().hold), another=chosen[THEN] == ANOTHER)


def _chosen(state: Mapping[str, Any], key: str) -> str:
    option = state.get(key, {}).get(key, {}).get("selected_option") or {}
    return str(option.get("value", ""))


def _select(key: str, label: str, entries: Sequence[tuple[str, str]], *, first: str) -> View:
    options: list[Json] = [{"text": plain(words, most=75), "value": value} for value, words in entries]
    initial = next(option for option, (value, _) in zip(options, entries, strict=True) if value == first)
    element: View = {"type": "static_select", "action_id": key, "options": options, "initial_option": initial}
    return {"type": "input", "block_id": key, "label": plain(label, most=200), "element": element}


def _blocks(view: View) -> list[Json]:
    blocks = view["blocks"]
    assert isinstance(blocks, list)
    return blocks


def _modal(callback: str, title: str, origin: Origin, asked: Json, *, label: str, submit: str, lines: bool) -> View:
    element: View = {"type": "plain_text_input", "action_id": INPUT, "multiline": lines}
    question: View = {"type": "input", "block_id": INPUT, "label": plain(label, most=200), "element": element}
    return {
        "type": "modal",
        "callback_id": callback,
        "private_metadata": origin.packed(),
        "title": plain(title, most=24),
        "submit": plain(submit, most=24),
        "close": plain("Back", most=24),
        "blocks": [asked, question],
    }
