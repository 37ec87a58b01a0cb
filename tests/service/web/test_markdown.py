"""Markdown from files and drafts becomes HTML that can do nothing."""

from __future__ import annotations

import pytest

from service.web.markdown import render


@pytest.mark.parametrize(
    ("source", "never"),
    [
        pytest.param("<script>alert(1)</script>", "<script", id="a script"),
        pytest.param("[x](javascript:alert(1))", "href", id="a script as link"),
        pytest.param("![x](https://example.com/pixel.png)", "<img", id="an image"),
        pytest.param("<b onclick=x>hi</b>", "<b", id="raw markup"),
        pytest.param("[x](data:text/html,hi)", "href", id="a data link"),
        pytest.param('<p style="x">', "<p style", id="a style"),
    ],
)
def test_it_never_lets_through(source: str, never: str) -> None:
    assert never not in render(source)


def test_what_people_write_stays() -> None:
    html = render("## Steps\n\n1. *one*\n2. `two`\n\n| a | b |\n|---|---|\n| 1 | [x](https://example.com) |")
    for part in ("<h2>Steps</h2>", "<em>one</em>", "<code>two</code>", "<table>", 'href="https://example.com"'):
        assert part in html
