"""The modal behind Change: the fields of `service.story.changing` in Block Kit, and what came back of them. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from incidents.canonical import Json
from incidents.narrowing import NotNarrower
from incidents.proposal import ProposalBody
from service.slack.blocks import context, plain, section
from service.slack.modals import Origin, View
from service.slack.mrkdwn import bold, safe
from service.story.changing import INTRODUCTION, Field

CHANGE = "change_proposal"
"""Callback id."""
MOST_FIELDS = 40
"""Of a hundred blocks that Slack allows: what is beyond them is changed in the console."""


def change_modal(origin: Origin, body: ProposalBody, fields: Sequence[Field]) -> View:
    """Asks for what shall be otherwise. Every field shows its bounds."""
    summary = "\n".join(bold(action.summary) for action in body.actions)
    blocks: list[Json] = [section(summary), context(safe(INTRODUCTION)), *(_input(one) for one in fields[:MOST_FIELDS])]
    return {
        "type": "modal",
        "callback_id": CHANGE,
        "private_metadata": origin.packed(),
        "title": plain("Change (narrow only)", most=24),
        "submit": plain("Change", most=24),
        "close": plain("Back", most=24),
        "blocks": blocks,
    }


def typed_in(view: dict[str, Any]) -> dict[str, str | list[str]]:
    """What was typed and ticked, by field."""
    state = json.loads(json.dumps(view))["state"]["values"]
    return {name: _typed(elements.get(name, {})) for name, elements in state.items()}


def errors_of(view: dict[str, Any], refused: NotNarrower) -> dict[str, str]:
    """What Slack shows beside the fields. What is about none of them stands at the first."""
    inputs = [str(block["block_id"]) for block in view["blocks"] if block["type"] == "input"]
    found: dict[str, str] = {}
    for problem in refused.problems:
        at = problem.field if problem.field in inputs else inputs[0]
        found[at] = f"{found[at]} {problem.why}" if at in found else problem.why
    return found


def everywhere(view: dict[str, Any], why: str) -> dict[str, str]:
    """What is about no field in particular: said at the first, so that the form stays open with what was typed."""
    return {next(str(block["block_id"]) for block in view["blocks"] if block["type"] == "input"): why}


def _typed(element: dict[str, Any]) -> str | list[str]:
    if "selected_options" in element:
        return [str(option["value"]) for option in element["selected_options"]]
    return str(element.get("value") or "")


def _input(field: Field) -> Json:
    block: View = {
        "type": "input",
        "block_id": field.name,
        "label": plain(field.label, most=2000),
        "hint": plain(field.hint, most=2000),
        "optional": not field.needed,
    }
    return block | {"element": _boxes(field) if field.options else _line(field)}


def _line(field: Field) -> Json:
    element: View = {"type": "plain_text_input", "action_id": field.name}
    return element | ({"initial_value": field.value} if field.value else {})


def _boxes(field: Field) -> Json:
    options: list[Json] = [{"text": plain(words, most=75), "value": value} for value, words in field.options]
    return {"type": "checkboxes", "action_id": field.name, "options": options, "initial_options": options}
