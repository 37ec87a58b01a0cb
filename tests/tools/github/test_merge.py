"""Taking a change back while later ones stay: the three-way merge by lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.github.merge import merge

OLD = "replicas: 6\nimage: a:1\nmemory: 512Mi\ncpu: 1\nenv: x\nport: 80\n"
COMMIT = OLD.replace("512Mi", "256Mi")

CASES = [
    pytest.param(COMMIT, OLD, id="nothing changed since: back to what it was"),
    pytest.param(
        COMMIT.replace("port: 80", "port: 81"), OLD.replace("port: 80", "port: 81"), id="a later change stays"
    ),
    pytest.param("# first\n" + COMMIT, "# first\n" + OLD, id="a later line at the top stays"),
    pytest.param(COMMIT + "last: 1\n", OLD + "last: 1\n", id="a later line at the end stays"),
    pytest.param(OLD, OLD, id="it was taken back already"),
    pytest.param(COMMIT.replace("256Mi", "128Mi"), None, id="the same line changed again: a person decides"),
    pytest.param(COMMIT.replace("memory: 256Mi\n", ""), None, id="the line is gone: a person decides"),
]


@pytest.mark.parametrize(("now", "expected"), CASES)
def test_reverting(now: str, expected: str | None) -> None:
    assert merge(COMMIT, now, OLD) == expected


LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "e\n"]), max_size=8).map("".join)


@given(LINES, LINES)
def test_one_side_alone_wins(base: str, changed: str) -> None:
    assert merge(base, changed, base) == changed
    assert merge(base, base, changed) == changed


@given(LINES, LINES)
def test_both_sides_alike_agree(base: str, changed: str) -> None:
    assert merge(base, changed, changed) == changed


@given(LINES, LINES, LINES)
def test_sides_may_be_swapped(base: str, ours: str, theirs: str) -> None:
    assert (merge(base, ours, theirs) is None) == (merge(base, theirs, ours) is None)
