"""AC@k and Avg@5 of one case, by where the right answer stands."""

import pytest

from evals.scores.ranks import accuracy


@pytest.mark.parametrize(
    ("ranked", "expected"),
    [
        (("right", "b"), (1.0, 1.0, 1.0, 1.0)),
        (("a", "right"), (0.0, 1.0, 1.0, 0.8)),
        (("a", "b", "c", "d", "right"), (0.0, 0.0, 1.0, 0.2)),
        (("a", "b", "c", "d", "e", "right"), (0.0, 0.0, 0.0, 0.0)),
        ((), (0.0, 0.0, 0.0, 0.0)),
    ],
    ids=["first", "second", "fifth", "sixth", "nothing was said"],
)
def test_where_the_right_answer_stands(ranked: tuple[str, ...], expected: tuple[float, ...]) -> None:
    found = accuracy(ranked, right=["right"])
    assert tuple(found[name] for name in ("AC@1", "AC@3", "AC@5", "Avg@5")) == pytest.approx(expected)


def test_any_of_several_right_answers_counts() -> None:
    assert accuracy(("a", "b"), right={"b", "c"})["AC@3"] == 1.0
