"""Text for Slack: redacted, escaped, cut to Slack's limits. Nothing reaches a block that did not pass here."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from incidents.evidence import Evidence
from incidents.redaction import redact

ZERO_WIDTH = "\u200b"
HALF = re.compile(r"(?:<[^<>]*|&[a-z]*)$")
"""The beginning of a link or of an escape that was cut."""
BELLS = ("@channel", "@here", "@everyone")


def safe(text: str, *, most: int = 600) -> str:
    """Text from anywhere as words that Slack takes literally: no secret, no mention, no link, no code."""
    clean = cut(" ".join(redact(text).split()), most=most).replace(" -> ", " \u2192 ")
    for bell in BELLS:
        clean = clean.replace(bell, bell[0] + ZERO_WIDTH + bell[1:])
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")


def bare(text: str, *, most: int) -> str:
    """Text for a title or a label, where Slack knows neither mentions nor formatting: without secrets, on one line."""
    return cut(" ".join(redact(text).split()), most=most)


def code(text: str, *, most: int = 120) -> str:
    """`text` in the type of code."""
    return f"`{safe(text, most=most)}`"


def bold(text: str, *, most: int = 300) -> str:
    """Text in bold."""
    return f"*{safe(text, most=most).replace('*', '')}*"


def link(url: str, words: str) -> str:
    """Words that lead to an address; the words alone when it is not a web address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or any(mark in url for mark in "<>| \n"):
        return safe(words)
    return f"<{url.replace('&', '&amp;')}|{safe(words)}>"


def cut(text: str, *, most: int) -> str:
    """At most so many characters, with a sign that something is missing."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def whole(text: str, *, most: int) -> str:
    """At most so many characters of mrkdwn that was made safe: whole lines, and no half of a link or of an escape."""
    if len(text) <= most:
        return text
    shown = text[: most - 2]
    lines, _, _ = shown.rpartition("\n")
    return f"{lines}\n\u2026" if lines else f"{HALF.sub('', shown).rstrip()}\u2026"


def sources(evidence: Iterable[Evidence], *, console: str, incident: str, most: int = 3) -> str:
    """`[pods of checkout] [events]`: where a sentence comes from, each a link to the source or to the console."""
    found = list(evidence)
    shown = [
        link(item.link or f"{console}/incidents/{incident}/evidence/{item.id}", f"[{_title(item)}]")
        for item in found[:most]
    ]
    more = len(found) - len(shown)
    return " ".join([*shown, *([f"+{more}"] if more > 0 else [])])


def _title(item: Evidence) -> str:
    """`pods` of `pods of checkout`: the sentence before it says of what."""
    return cut((item.title or item.probe).split(" of ")[0], most=40)
