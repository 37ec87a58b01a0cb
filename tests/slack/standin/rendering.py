"""Shows a message as a person reads it: as text, for assertions and snapshots. `looks.py` shows it to the eye."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.slack.standin.workspace import Message

Block = dict[str, Any]


def text_of(message: Message) -> str:
    """The whole message as text; without blocks its plain text."""
    return blocks_text(message.blocks) if message.blocks else unescaped(message.text)


def blocks_text(blocks: list[Block]) -> str:
    """Blocks from top to bottom, an empty line where a person sees a gap."""
    return "\n".join(line for block in blocks for line in _lines(block)).strip()


def _lines(block: Block) -> Iterator[str]:
    match block["type"]:
        case "header":
            yield f"# {block['text']['text']}"
        case "section":
            if "text" in block:
                yield unescaped(block["text"]["text"])
            for field in block.get("fields", ()):
                yield f"| {unescaped(field['text'])}"
            if "accessory" in block:
                yield f"    {_element(block['accessory'])}"
        case "context":
            yield "  " + "  ".join(unescaped(e.get("text", e.get("alt_text", ""))) for e in block["elements"])
        case "actions":
            yield " ".join(_element(element) for element in block["elements"])
        case "divider":
            yield "-" * 12
        case "markdown":
            yield block["text"]
        case "image":
            yield f"(picture: {block['alt_text']})"
        case "input":
            yield f"{block['label']['text']}: {_element(block['element'])}"
        case "plan":
            yield block["title"]
            yield from (f"  ({task['status'].replace('_', ' ')}) {task['title']}" for task in block["tasks"])
        case other:
            yield f"({other})"


def _element(element: Block) -> str:
    match element["type"]:
        case "button":
            return f"[{element['text']['text']}]"
        case "overflow" | "static_select":
            return "[" + " | ".join(option["text"]["text"] for option in element.get("options", ())) + "]"
        case _:
            return "[____]"


def unescaped(text: str) -> str:
    """Mrkdwn as it is read: links by their words, entities as characters. What would ring a bell is left as it is."""
    text = re.sub(r"<(https?://[^|>]+)\|([^>]*)>", r"\2", text)
    text = re.sub(r"<!date\^\d+\^[^|]*\|([^>]*)>", r"\1", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
