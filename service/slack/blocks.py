"""Block Kit, as far as cards need it: each function makes one block that Slack takes, whatever the text."""

from collections.abc import Sequence

from incidents.canonical import Json
from service.slack.mrkdwn import cut, whole

Block = dict[str, Json]

SECTION, FIELD, HEADER, BUTTON, CONTEXT, VALUE = 3000, 2000, 150, 75, 3000, 2000
"""Most characters, by Slack's reference of Block Kit."""
FIELDS, ELEMENTS, BLOCKS = 10, 25, 50
TASK = 120
"""Characters of a task's title that a phone shows in two lines."""


def words(text: str, *, most: int = SECTION) -> Json:
    """Mrkdwn that is taken as it is written: names and addresses in it are not turned into mentions and links."""
    return {"type": "mrkdwn", "text": whole(text, most=most) or " ", "verbatim": True}


def plain(text: str, *, most: int) -> Json:
    """Plain text."""
    return {"type": "plain_text", "text": cut(text, most=most) or " ", "emoji": False}


def header(text: str) -> Block:
    """A title."""
    return {"type": "header", "text": plain(text, most=HEADER)}


def section(text: str, *, accessory: Json = None) -> Block:
    """A paragraph."""
    block: Block = {"type": "section", "text": words(text)}
    return block if accessory is None else block | {"accessory": accessory}


def facts(pairs: Sequence[tuple[str, str]]) -> Block:
    """Short named values in two columns, on a phone in one."""
    fields: list[Json] = [words(f"*{name}*\n{value}", most=FIELD) for name, value in pairs[:FIELDS]]
    return {"type": "section", "fields": fields}


def context(*lines: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [words("\n".join(lines), most=CONTEXT)]}


def divider() -> Block:
    """A line."""
    return {"type": "divider"}


def actions(key: str, elements: Sequence[Json]) -> Block:
    """A row of buttons."""
    return {"type": "actions", "block_id": cut(key, most=255), "elements": list(elements[:ELEMENTS])}


def plan(title: str, tasks: Sequence[tuple[str, str, str]]) -> Block:
    """Steps: (id, title, `pending`, `in_progress`, `complete` or `error`). Not every workspace has it."""
    cards: list[Json] = [
        {"type": "task_card", "task_id": key, "title": cut(words, most=TASK), "status": status}
        for key, words, status in tasks
    ]
    return {"type": "plan", "title": cut(title, most=HEADER), "tasks": cards}


def button(action: str, label: str, *, value: str = "", style: str = "", url: str = "", confirm: Json = None) -> Json:
    """A button; `style` is empty, `primary` or `danger`."""
    found: Block = {"type": "button", "action_id": action, "text": plain(label, most=BUTTON)}
    optional = {"value": value[:VALUE], "style": style, "url": url, "confirm": confirm}
    return found | {name: given for name, given in optional.items() if given}


def confirm(title: str, text: str, *, yes: str) -> Json:
    """A question before a click counts."""
    return {
        "title": plain(title, most=100),
        "text": plain(text, most=300),
        "confirm": plain(yes, most=30),
        "deny": plain("Back", most=30),
    }


def menu(action: str, entries: Sequence[tuple[str, str]]) -> Json:
    """An overflow menu of (label, value), at most five."""
    options: list[Json] = [{"text": plain(label, most=75), "value": value} for label, value in entries[:5]]
    return {"type": "overflow", "action_id": action, "options": options}
