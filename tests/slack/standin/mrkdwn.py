"""Slack's mrkdwn and rich text as HTML: bold, italic, strike, code, quotes, links, mentions, dates. Pure.

A text comes from the app with &, < and > escaped; whatever is left of the two brackets is a token or is shown as it is.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import Any

Json = Mapping[str, Any]
Names = Mapping[str, str]
"""Id of a person, group or channel -> how it is shown (`@Dana`)."""

TOKEN = re.compile(r"<([^<>\s][^<>]*)>")
STYLES = (("bold", "b"), ("italic", "em"), ("strike", "s"), ("code", "code"))
MARKS = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+)(?<=\S)\*(?![\w*])"), r"<b>\1</b>"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+)(?<=\S)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+)(?<=\S)~(?![\w~])"), r"<s>\1</s>"),
)
LINE = "\n"
NEXT_QUOTED = re.compile(r"\n&gt; ?")
QUOTE = re.compile(r"(?:^|(?<=\n))&gt; ?(.*(?:\n&gt; ?.*)*)")


def mrkdwn(text: str, names: Names) -> str:
    """The text as Slack shows it. Code is shown as it stands; tokens inside it are links all the same."""
    kept: list[str] = []

    def keep(markup: str) -> str:
        kept.append(markup)
        return f"\x00{len(kept) - 1}\x00"

    text = TOKEN.sub(lambda found: keep(token(found[1], names)), text).replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"```\n?(.+?)```", lambda found: keep(f"<pre>{found[1]}</pre>"), text, flags=re.DOTALL)
    text = re.sub(r"`([^`\n]+)`", lambda found: keep(f"<code>{found[1]}</code>"), text)
    text = QUOTE.sub(lambda found: keep(f"<blockquote>{_marked(NEXT_QUOTED.sub(LINE, found[1]))}</blockquote>"), text)
    return _restored(_marked(text), kept)


def _marked(text: str) -> str:
    for pattern, markup in MARKS:
        text = pattern.sub(markup, text)
    return text.replace("\n", "<br>")


def _restored(text: str, kept: list[str]) -> str:
    """What was kept, put back; a kept piece may hold others."""
    while "\x00" in text:
        text = re.sub(r"\x00(\d+)\x00", lambda found: kept[int(found[1])], text)
    return text


def token(inside: str, names: Names) -> str:
    """What stands between < and >: a link, a mention, a date."""
    what, _, label = inside.partition("|")
    if what.startswith("!date^"):
        return label
    if what[0] in "@!#":
        shown = names.get(what.removeprefix("!subteam^").lstrip("@#"), label or what.lstrip("!@#"))
        return f"<mark>{html.escape('@' + shown.lstrip('@'), quote=False)}</mark>"
    return f'<a href="{what}">{label or what}</a>'


def rich_text(block: Json, names: Names) -> str:
    """A `rich_text` block. Raises ValueError for an element that is not known."""
    return "".join(_rich_part(part, names) for part in block["elements"])


def _rich_part(part: Json, names: Names) -> str:
    match part["type"]:
        case "rich_text_section":
            return f"<p>{_rich_line(part, names)}</p>"
        case "rich_text_list":
            tag = "ol" if part["style"] == "ordered" else "ul"
            return f"<{tag}>" + "".join(f"<li>{_rich_line(one, names)}</li>" for one in part["elements"]) + f"</{tag}>"
        case "rich_text_quote":
            return f"<blockquote>{_rich_line(part, names)}</blockquote>"
        case "rich_text_preformatted":
            return f"<pre>{_rich_line(part, names)}</pre>"
        case other:
            raise ValueError(f"rich text: {other}")


def _rich_line(part: Json, names: Names) -> str:
    return "".join(_rich_word(word, names) for word in part["elements"])


def _rich_word(word: Json, names: Names) -> str:
    shown: dict[str, Callable[[], str]] = {
        "text": lambda: html.escape(word["text"], quote=False).replace("\n", "<br>"),
        "link": lambda: f'<a href="{html.escape(word["url"])}">{html.escape(word.get("text", word["url"]))}</a>',
        "user": lambda: token("@" + word["user_id"], names),
        "usergroup": lambda: token("!subteam^" + word["usergroup_id"], names),
        "channel": lambda: token("#" + word["channel_id"], names),
        "emoji": lambda: f":{html.escape(word['name'])}:",
        "date": lambda: html.escape(word.get("fallback", "")),
    }
    if word["type"] not in shown:
        raise ValueError(f"rich text: {word['type']}")
    text = shown[word["type"]]()
    for style, tag in STYLES:
        if word.get("style", {}).get(style):
            text = f"<{tag}>{text}</{tag}>"
    return text
