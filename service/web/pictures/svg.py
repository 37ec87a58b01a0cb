"""Writes SVG: elements with escaped attributes and texts. There is no way to put markup into a text."""

from collections.abc import Iterable
from html import escape

Attribute = str | float


def element(name: str, *children: str, **attributes: Attribute) -> str:
    """One element. `class_` is `class`, `stroke_width` is `stroke-width`; children are markup made by this module."""
    written = "".join(f' {_attribute(key)}="{_value(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def text(content: str, *, x: float, y: float, class_: str, anchor: str = "start") -> str:
    """A line of text whose baseline begins (or ends, or is centred) there."""
    return element("text", escape(content), x=x, y=y, class_=class_, text_anchor=anchor)


def title(content: str) -> str:
    """What is shown when the pointer rests on the element."""
    return element("title", escape(content) or " ")


def picture(children: Iterable[str], *, width: float, height: float, label: str, class_: str = "") -> str:
    """The whole picture, with words for those who do not see it."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
        class_=class_,
    )


def path(points: Iterable[tuple[float, float]]) -> str:
    """The `d` of a line through points."""
    pairs = [f"{x:.1f} {y:.1f}" for x, y in points]
    return f"M{' L'.join(pairs)}" if pairs else ""


def fitted(content: str, *, width: float, size: float = 11.0) -> str:
    """The text cut to about that many pixels; empty when not even a word would be readable."""
    letters = int(width / (size * 0.56))
    if len(content) <= letters:
        return content
    return f"{content[: letters - 1].rstrip()}…" if letters >= SHORTEST else ""


CAMEL_CASE = frozenset({"viewBox", "markerWidth", "markerHeight", "markerUnits", "refX", "refY"})
SHORTEST = 6
"""Letters below which a cut text says nothing."""


def _attribute(key: str) -> str:
    if key in CAMEL_CASE:
        return key
    return key.rstrip("_").replace("_", "-")


def _value(value: Attribute) -> str:
    return f"{value:g}" if isinstance(value, float | int) else escape(value, quote=True)
