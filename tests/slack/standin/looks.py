"""Shows messages, modals and the home tab as Slack's own client does: one HTML page each, for the eye and for pictures.

It reads nothing but the Block Kit JSON that the app sent, and it fails on a block or element that it does not know:
a picture never leaves out what a person in Slack would see.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.slack.standin.mrkdwn import Names, mrkdwn, rich_text
from tests.slack.standin.workspace import BOT_USER, Message, Workspace

Block = Mapping[str, Any]
TASK_STATES = ("pending", "in_progress", "complete", "error")
HERE = Path(__file__).parent
FONT = Path(__file__).parents[3] / "service" / "web" / "static" / "vendor" / "inter-latin-5.3.0.woff2"


class UnknownBlockError(AssertionError):
    """Slack may know it, the stand-in does not: teach it before a picture is taken."""


@dataclass(frozen=True, kw_only=True)
class Looks:
    """How one workspace is shown. `time_of` says what stands beside a sender's name."""

    workspace: Workspace
    time_of: Callable[[Message], str] = lambda _: ""

    def thread(self, messages: Sequence[Message], *, title: str, note: str = "", dark: bool = False) -> str:
        """Messages below one another, in a channel or in the column of a thread."""
        bar = f"<header class=bar><b>{_plain(title)}</b><span>{_plain(note)}</span></header>"
        return _page(bar + "<main>" + "".join(self._message(one) for one in messages) + "</main>", dark=dark)

    def modal(self, view: Block, *, dark: bool = False) -> str:
        """A modal over a dimmed channel."""
        title, close = view["title"]["text"], view.get("close", {"text": "Cancel"})["text"]
        submit = f"<button class=primary>{_plain(view['submit']['text'])}</button>" if "submit" in view else ""
        body = f"<header><b>{_plain(title)}</b><span>&#10005;</span></header><div>{self.blocks(view['blocks'])}</div>"
        foot = f"<footer><button>{_plain(close)}</button>{submit}</footer>"
        return _page(f"<div class=shade><section class=modal>{body}{foot}</section></div>", dark=dark)

    def home(self, view: Block, *, dark: bool = False) -> str:
        """The home tab of the app."""
        bar = "<header class=bar><b>Midwatch</b><span class=tabs><i>Home</i><u>Messages</u><u>About</u></span></header>"
        return _page(f"{bar}<main>{self.blocks(view['blocks'])}</main>", dark=dark)

    def blocks(self, blocks: Sequence[Block]) -> str:
        """Blocks from top to bottom. Raises UnknownBlockError."""
        return "".join(self._block(block) for block in blocks)

    def _message(self, message: Message) -> str:
        sender = self.workspace.users.get(message.user)
        bot = message.user == BOT_USER
        name = "Midwatch" if bot else sender.name if sender else message.user
        badge = " <small class=app>APP</small>" if bot else ""
        inner = self.blocks(message.blocks) if message.blocks else f"<p>{self._mrkdwn(message.text)}</p>"
        files = "".join(self._file(one["id"], one["name"]) for one in message.files)
        edited = " <small class=edited>(edited)</small>" if message.edits and not message.blocks else ""
        alone = "<p class=alone>Only visible to you</p>" if message.visible_to else ""
        face = "<svg viewBox='0 0 20 20'><path d='M13.6 12.9A6.6 6.6 0 0 1 7.1 4.2a6.6 6.6 0 1 0 8.7 8.7 6.6 6.6 0 0 1-2.2 0Z'/></svg>"
        picture = f"<span class='face {'bot' if bot else ''}'>{face if bot else _plain(name[:1])}</span>"
        when = f"<time>{_plain(self.time_of(message))}</time>"
        return f"<article>{picture}<div class=said>{alone}<p class=who><b>{_plain(name)}</b>{badge} {when}</p>{inner}{edited}{files}</div></article>"

    def _block(self, block: Block) -> str:
        shown = {
            "header": self._header,
            "section": self._section,
            "context": self._context,
            "actions": self._actions,
            "divider": lambda _: "<hr>",
            "image": self._image,
            "plan": self._plan,
            "input": self._input,
            "markdown": lambda one: f"<div class=section>{self._mrkdwn(_as_mrkdwn(one['text']))}</div>",
            "rich_text": lambda one: f"<div class=section>{_known(lambda: rich_text(one, self._names))}</div>",
        }
        if block.get("type") not in shown:
            raise UnknownBlockError(f"a block of the type {block.get('type')!r}")
        return shown[block["type"]](block)

    def _header(self, block: Block) -> str:
        return f"<h2>{_plain(block['text']['text'])}</h2>"

    def _section(self, block: Block) -> str:
        text = f"<div class=text>{self._text(block['text'])}</div>" if "text" in block else ""
        fields = "".join(f"<div>{self._text(field)}</div>" for field in block.get("fields", ()))
        side = f"<aside>{self._element(block['accessory'])}</aside>" if "accessory" in block else ""
        return f"<div class=section>{text}{side}</div>" + (f"<div class=fields>{fields}</div>" if fields else "")

    def _context(self, block: Block) -> str:
        parts = (
            f"<img src='{self._source(one)}' alt='{html.escape(one['alt_text'])}'>"
            if one["type"] == "image"
            else f"<span>{self._text(one)}</span>"
            for one in block["elements"]
        )
        return f"<div class=context>{''.join(parts)}</div>"

    def _actions(self, block: Block) -> str:
        return f"<div class=actions>{''.join(self._element(one) for one in block['elements'])}</div>"

    def _image(self, block: Block) -> str:
        title = f"<p class=alone>{_plain(block['title']['text'])}</p>" if "title" in block else ""
        return f"{title}<img class=picture src='{self._source(block)}' alt='{html.escape(block['alt_text'])}'>"

    def _plan(self, block: Block) -> str:
        tasks = "".join(self._task(one) for one in block["tasks"])
        return f"<div class=plan><b>{_plain(block['title'])}</b><ul>{tasks}</ul></div>"

    def _task(self, task: Block) -> str:
        if task.get("type") != "task_card" or task.get("status") not in TASK_STATES:
            raise UnknownBlockError(f"a task {task.get('type')!r}, {task.get('status')!r}")
        words = task["status"].replace("_", " ")
        return f"<li class='{task['status']}'>{_plain(task['title'])} <small>{words}</small></li>"

    def _input(self, block: Block) -> str:
        optional = " <small>(optional)</small>" if block.get("optional") else ""
        hint = f"<small>{_plain(block['hint']['text'])}</small>" if "hint" in block else ""
        return f"<label>{_plain(block['label']['text'])}{optional}{self._element(block['element'])}{hint}</label>"

    def _element(self, element: Block) -> str:
        match element.get("type"):
            case "button":
                return f"<button class='{element.get('style', '')}'>{_plain(element['text']['text'])}</button>"
            case "overflow":
                return "<button class=more aria-label=more>&#8943;</button>"
            case "image":
                return f"<img class=thumb src='{self._source(element)}' alt='{html.escape(element['alt_text'])}'>"
            case "static_select":
                chosen = element.get("initial_option") or {"text": element.get("placeholder", {"text": "Choose"})}
                return f"<span class=select>{_plain(chosen['text']['text'])}</span>"
            case "plain_text_input" | "number_input":
                lines = "tall" if element.get("multiline") else ""
                shown = _plain(str(element.get("initial_value", "")))
                hint = f"<i>{_plain(element['placeholder']['text'])}</i>" if "placeholder" in element else ""
                return f"<span class='input {lines}'>{shown or hint}</span>"
            case "radio_buttons" | "checkboxes" as kind:
                first = element.get("initial_option"), *element.get("initial_options", ())
                return "".join(
                    f"<span class='tick {kind} {'on' if one in first else ''}'>{self._text(one['text'])}</span>"
                    for one in element["options"]
                )
            case other:
                raise UnknownBlockError(f"an element of the type {other!r}")

    def _text(self, text: Block) -> str:
        match text.get("type"):
            case "mrkdwn":
                return self._mrkdwn(text["text"])
            case "plain_text":
                return _plain(text["text"]).replace("\n", "<br>")
            case other:
                raise UnknownBlockError(f"a text of the type {other!r}")

    def _mrkdwn(self, text: str) -> str:
        return mrkdwn(text, self._names)

    @property
    def _names(self) -> Names:
        workspace = self.workspace
        people = {key: user.name for key, user in workspace.users.items()}
        return people | {BOT_USER: "Midwatch"} | {key: handle for key, (handle, _) in workspace.groups.items()}

    def _file(self, file: str, name: str) -> str:
        return f"<img class=picture src='{self._data(file)}' alt='{html.escape(name)}'>"

    def _source(self, block: Block) -> str:
        """The picture itself: a page of the stand-in loads nothing."""
        file = block.get("slack_file", {}).get("id")
        if not file:
            raise UnknownBlockError("a picture from an address: the stand-in shows uploaded files only")
        return self._data(file)

    def _data(self, file: str) -> str:
        return "data:image/png;base64," + base64.b64encode(self.workspace.files[file]).decode()


def _known(show: Callable[[], str]) -> str:
    try:
        return show()
    except ValueError as error:
        raise UnknownBlockError(str(error)) from error


def _plain(text: str) -> str:
    return html.escape(text, quote=False)


def _as_mrkdwn(text: str) -> str:
    """The little of Markdown that a `markdown` block of an app holds: bold, links, bullets."""
    text = html.escape(text, quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"*\1*", text)
    text = re.sub(r"\[([^\]]+)\]\((https?://[^)\s]+)\)", r"<\2|\1>", text)
    return re.sub(r"(?m)^[-*] ", "\u2022 ", text)


def _page(body: str, *, dark: bool) -> str:
    theme = "dark" if dark else "light"
    return f"<!doctype html><html lang=en data-theme={theme}><meta charset=utf-8><title>Slack</title><style>{_style()}</style>{body}</html>"


@cache
def _style() -> str:
    font = base64.b64encode(FONT.read_bytes()).decode()
    face = f"@font-face{{font-family:Inter;src:url(data:font/woff2;base64,{font}) format('woff2');font-weight:100 900}}"
    return face + (HERE / "slack.css").read_text(encoding="utf-8")
