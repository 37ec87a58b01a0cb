"""What Slack refuses: sizes and shapes of blocks, views and messages, with the error codes that Slack answers. Pure.

Figures from Slack's reference of Block Kit and of `chat.postMessage`, `views.open` (see docs/slack.md for their use).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
SECTION_TEXT, FIELD_TEXT, FIELDS = 3000, 2000, 10
HEADER_TEXT, BUTTON_TEXT, CONTEXT_ELEMENTS, ACTION_ELEMENTS = 150, 75, 10, 25
MARKDOWN_TEXT, MESSAGE_TEXT, BLOCK_ID, ACTION_ID, VALUE, URL = 12_000, 40_000, 255, 255, 2000, 3000
VIEW_TITLE, PRIVATE_METADATA, LABEL, OPTION_TEXT, OPTIONS, OVERFLOW_OPTIONS = 24, 3000, 2000, 75, 100, 5
BOXES = 10
CONFIRM = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
TASK_STATES = ("pending", "in_progress", "complete", "error")
STYLES = ("primary", "danger")
IN_VIEWS_ONLY = ("input",)


def problems_of_message(blocks: Sequence[Json], text: str) -> list[str]:
    """What is wrong with a message; empty when Slack would take it."""
    found = [*_too_many("blocks", blocks, MESSAGE_BLOCKS), *_all(blocks)]
    if len(text) > MESSAGE_TEXT:
        found.append("msg_too_long")
    return found


def problems_of_view(view: Json) -> list[str]:
    """What is wrong with a modal or a home tab."""
    blocks = view.get("blocks", ())
    found = [*_too_many("blocks", blocks, VIEW_BLOCKS), *_all(blocks)]
    if view.get("type") == "modal":
        for part in ("title", "submit", "close"):
            if part in view:
                found += _text(view[part], VIEW_TITLE, part, plain=True)
        if "title" not in view:
            found.append("title: missing")
        if any(block.get("type") == "input" for block in blocks) and "submit" not in view:
            found.append("submit: needed when there are inputs")
    if len(view.get("private_metadata", "")) > PRIVATE_METADATA:
        found.append("private_metadata: too long")
    return found


def _all(blocks: Sequence[Json]) -> Iterator[str]:
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        yield "block_id: used twice"
    markdown = sum(len(block.get("text", "")) for block in blocks if block.get("type") == "markdown")
    if markdown > MARKDOWN_TEXT:
        yield "markdown: more than 12000 characters"
    for index, block in enumerate(blocks):
        for problem in _block(block):
            yield f"[{index}] {problem}"


def _block(block: Json) -> Iterator[str]:
    if len(block.get("block_id", "")) > BLOCK_ID:
        yield "block_id: too long"
    match block.get("type"):
        case "section":
            yield from _section(block)
        case "header":
            yield from _text(block.get("text"), HEADER_TEXT, "header", plain=True)
        case "context":
            yield from _too_many("elements", block.get("elements", ()), CONTEXT_ELEMENTS)
            for element in block.get("elements", ()):
                if element.get("type") != "image":
                    yield from _text(element, SECTION_TEXT, "context")
        case "actions":
            yield from _actions(block)
        case "input":
            yield from _text(block.get("label"), LABEL, "label", plain=True)
            yield from _element(block.get("element", {}))
        case "image":
            if not block.get("alt_text"):
                yield "image: alt_text is missing"
            if not (block.get("image_url") or block.get("slack_file")):
                yield "image: neither image_url nor slack_file"
        case "markdown":
            if not block.get("text"):
                yield "markdown: text is missing"
        case "plan":
            yield from _plan(block)
        case "divider":
            pass
        case other:
            yield f"unsupported type: {other}"


def _plan(block: Json) -> Iterator[str]:
    if not block.get("title"):
        yield "plan: title is missing"
    ids = [task.get("task_id") for task in block.get("tasks", ())]
    if len(ids) != len(set(ids)) or not all(ids):
        yield "plan: task_id is missing or used twice"
    for task in block.get("tasks", ()):
        if task.get("type") != "task_card" or not task.get("title"):
            yield "plan: no task card, or one without a title"
        if task.get("status") not in TASK_STATES:
            yield f"task_card: status {task.get('status')}"


def _section(block: Json) -> Iterator[str]:
    if "text" not in block and not block.get("fields"):
        yield "section: neither text nor fields"
    if "text" in block:
        yield from _text(block["text"], SECTION_TEXT, "section")
    yield from _too_many("fields", block.get("fields", ()), FIELDS)
    for field in block.get("fields", ()):
        yield from _text(field, FIELD_TEXT, "field")
    if "accessory" in block:
        yield from _element(block["accessory"])


def _actions(block: Json) -> Iterator[str]:
    elements = block.get("elements", ())
    if not elements:
        yield "actions: no elements"
    yield from _too_many("elements", elements, ACTION_ELEMENTS)
    ids = [element.get("action_id") for element in elements]
    if len(ids) != len(set(ids)):
        yield "actions: action_id used twice"
    for element in elements:
        yield from _element(element)


def _element(element: Json) -> Iterator[str]:
    if not 0 < len(element.get("action_id", "")) <= ACTION_ID:
        yield "action_id: missing or too long"
    match element.get("type"):
        case "button":
            yield from _button(element)
        case "static_select" | "overflow" | "radio_buttons" | "checkboxes":
            most = {"overflow": OVERFLOW_OPTIONS, "checkboxes": BOXES}.get(element["type"], OPTIONS)
            yield from _too_many("options", element.get("options", ()), most)
            if not element.get("options"):
                yield "options: none"
            for option in element.get("options", ()):
                yield from _text(option.get("text"), OPTION_TEXT, "option")
        case "plain_text_input":
            if "placeholder" in element:
                yield from _text(element["placeholder"], HEADER_TEXT, "placeholder", plain=True)
        case other:
            yield f"unsupported element: {other}"


def _button(element: Json) -> Iterator[str]:
    yield from _text(element.get("text"), BUTTON_TEXT, "button", plain=True)
    if len(element.get("value", "")) > VALUE:
        yield "button: value too long"
    if len(element.get("url", "")) > URL:
        yield "button: url too long"
    if element.get("style", "primary") not in STYLES:
        yield f"button: style {element['style']}"
    for part, most in CONFIRM.items():
        if "confirm" in element:
            yield from _text(element["confirm"].get(part, {"type": "plain_text", "text": "-"}), most, f"confirm.{part}")


def _text(text: Json | None, most: int, where: str, *, plain: bool = False) -> Iterator[str]:
    if text is None:
        yield f"{where}: text is missing"
        return
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if text.get("type") not in kinds:
        yield f"{where}: type {text.get('type')} is not one of {', '.join(kinds)}"
    if not 0 < len(text.get("text", "")) <= most:
        yield f"{where}: {len(text.get('text', ''))} characters, 1 to {most} are allowed"


def _too_many(what: str, items: Sequence[Any], most: int) -> Iterator[str]:
    if len(items) > most:
        yield f"{what}: {len(items)}, at most {most}"
