"""The modals: why a proposal is rejected, the target's name for an approval of high risk. Pure."""

import json

from incidents.canonical import Json
from incidents.ids import ProposalDigest
from incidents.value import Value
from service.slack.blocks import plain, section
from service.slack.mrkdwn import bold, safe

REJECT, TYPED = "reject_reason", "approve_typed_name"
"""Callback ids."""
INPUT = "answer"
"""Id of the only input of each, as block and as action."""

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
    return _modal(REJECT, "Reject", origin, asked, label="Why should it not be done?", submit="Reject", lines=True)


def typed_modal(origin: Origin, summary: str, target: str) -> View:
    """Asks for the target's name, as people confirm what cannot be taken back."""
    asked = section(f"{bold(summary)}\nThis is of high risk. Type *{safe(target)}* to approve it.")
    return _modal(TYPED, "Approve", origin, asked, label="Name of the target", submit="Approve", lines=False)


def values(view: dict[str, object]) -> tuple[Origin, str]:
    """What a submitted modal was opened for, and what was typed."""
    body = json.loads(json.dumps(view))
    typed = body["state"]["values"][INPUT][INPUT].get("value") or ""
    return Origin.model_validate_json(body["private_metadata"]), str(typed)


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
