"""Shows a message as a person sees it: as text for assertions and snapshots, and as a plain page for the eye."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from tests.slack.standin.workspace import Message

Block = dict[str, Any]
WIDTH = 100


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


def page(messages: list[Message], *, title: str, width: int = 680, dark: bool = False) -> str:
    """A page that looks about as Slack shows these messages."""
    body = "".join(_message_html(message) for message in messages)
    return (
        f"<!doctype html><html data-theme={'dark' if dark else 'light'}><meta charset=utf-8>"
        f"<title>{html.escape(title)}</title><style>{STYLE}</style><main style='width:{width}px'>{body}</main></html>"
    )


def _message_html(message: Message) -> str:
    inner = "".join(_block_html(block) for block in message.blocks) or f"<p>{mrkdwn_html(message.text)}</p>"
    indent = " class=reply" if message.thread_ts else ""
    return f"<article{indent}><i></i><div><b>Midwatch</b> <small>APP &nbsp;02:47</small>{inner}</div></article>"


def _block_html(block: Block) -> str:  # noqa: PLR0911 - one answer per kind of block
    match block["type"]:
        case "header":
            return f"<h2>{html.escape(block['text']['text'])}</h2>"
        case "section":
            fields = "".join(f"<div>{mrkdwn_html(field['text'])}</div>" for field in block.get("fields", ()))
            text = mrkdwn_html(block["text"]["text"]) if "text" in block else ""
            side = f"<aside>{_element_html(block['accessory'])}</aside>" if "accessory" in block else ""
            return f"<section>{side}<p>{text}</p><div class=fields>{fields}</div></section>"
        case "context":
            return (
                "<p class=context>" + "&ensp;".join(mrkdwn_html(e.get("text", "")) for e in block["elements"]) + "</p>"
            )
        case "actions":
            return "<p class=actions>" + "".join(_element_html(element) for element in block["elements"]) + "</p>"
        case "divider":
            return "<hr>"
        case "input":
            return f"<label>{html.escape(block['label']['text'])}<br><input></label>"
        case _:
            return f"<p>{html.escape(blocks_text([block]))}</p>"


def _element_html(element: Block) -> str:
    if element["type"] == "button":
        style = element.get("style", "")
        return f"<button class='{style}'>{html.escape(element['text']['text'])}</button>"
    if element["type"] == "overflow":
        return "<button>&#8943;</button>"
    return f"<button>{html.escape(_element(element))}</button>"


def mrkdwn_html(text: str) -> str:
    """Mrkdwn as HTML: bold, italic, code, strike, links, lines. The text comes escaped for &, < and > already."""
    links: list[str] = []

    def keep(match: re.Match[str]) -> str:
        links.append(f"<a>{match[2]}</a>")
        return f"\x00{len(links) - 1}\x00"

    text = re.sub(r"<(https?://[^|>]+)\|([^>]*)>", keep, text)
    text = re.sub(r"<!date\^\d+\^[^|]*\|([^>]*)>", r"\1", text)
    text = re.sub(r"<([@!#][^>]*)>", r"<mark>\1</mark>", text)
    text = re.sub(r"```(.+?)```", r"<pre>\1</pre>", text, flags=re.DOTALL)
    text = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", text)
    text = re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"<b>\1</b>", text)
    text = re.sub(r"(?<![\w_])_([^_\n]+)_(?![\w_])", r"<em>\1</em>", text)
    text = text.replace("\n", "<br>")
    return re.sub(r"\x00(\d+)\x00", lambda match: links[int(match[1])], text)


STYLE = """
html{--bg:#fff;--ink:#1d1c1d;--soft:#616061;--line:#ddd;--code:#f6f6f6;--codeink:#c01343}
html[data-theme=dark]{--bg:#1a1d21;--ink:#d1d2d3;--soft:#9a9b9d;--line:#424548;--code:#222529;--codeink:#e8912d}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.46 Lato,Helvetica,Arial,sans-serif}
main{padding:16px}article{display:flex;gap:8px;margin:0 0 14px}article.reply{margin-left:44px}
i{flex:none;width:36px;height:36px;border-radius:4px;background:#1f3a5f}article>div{flex:1;min-width:0}
small,.context{color:var(--soft);font-size:12.5px}small{font-size:11px}p{margin:4px 0}section p{margin:4px 0}
h2{font-size:18px;line-height:1.3;margin:6px 0}.fields{display:grid;grid-template-columns:1fr 1fr;gap:4px 12px}
aside{float:right;margin-left:12px}hr{border:0;border-top:1px solid var(--line);margin:10px 0}
button{font:700 13px/1 inherit;font-family:inherit;color:var(--ink);background:transparent;border:1px solid #868686;
border-radius:4px;padding:8px 12px;margin:4px 8px 4px 0}
button.primary{background:#007a5a;border-color:#007a5a;color:#fff}button.danger{color:#e01e5a;border-color:#e01e5a}
code,pre{background:var(--code);color:var(--codeink);border:1px solid var(--line);border-radius:3px;font:12px/1.5 monospace;padding:1px 3px}
pre{color:var(--ink);padding:8px;white-space:pre-wrap;margin:4px 0}a{color:#1264a3}html[data-theme=dark] a{color:#1d9bd1}
mark{background:#e8f5fa;color:#1264a3}
"""
