"""A label set that remembers says the same as one that does not, the first time and again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worlds.promql.labels import LabelSet, key_of, labels_of, signature, without_name

# A name in capitals stands before the metric's own name, which stands before all others.
NAMES = ("__name__", "Zone", "le", "pod", "service")
LABELS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(("a", "b", "0.5")))
CUTS = st.lists(st.tuples(st.booleans(), st.lists(st.sampled_from(NAMES), max_size=3)), max_size=4)


@given(LABELS, CUTS, st.booleans())
def test_what_is_remembered_is_what_is_found_out(
    plain: dict[str, str], cuts: list[tuple[bool, list[str]]], key_first: bool
) -> None:
    remembering = LabelSet(plain)
    if key_first:
        assert key_of(remembering) == key_of(plain)
    for _ in range(2):
        assert without_name(remembering) == without_name(plain)
        assert key_of(without_name(remembering)) == key_of(without_name(plain))
        assert key_of(remembering) == key_of(plain)
        for on, names in cuts:
            sign = signature(on=on, names=names)
            assert sign(remembering) == sign(plain)
    assert remembering == plain
    assert labels_of(key_of(remembering)) == plain


@given(st.lists(LABELS, max_size=6), st.lists(st.sampled_from(NAMES), max_size=3), st.booleans())
def test_two_sets_have_one_signature_when_they_agree_in_what_is_compared(
    several: list[dict[str, str]], names: list[str], on: bool
) -> None:
    sign = signature(on=on, names=names)

    def compared(labels: dict[str, str]) -> dict[str, str]:
        ignored = {*names, "__name__"}
        return {name: value for name, value in labels.items() if (name in names if on else name not in ignored)}

    for one in several:
        assert labels_of(sign(LabelSet(one))) == compared(one)
        for other in several:
            assert (sign(LabelSet(one)) == sign(LabelSet(other))) == (compared(one) == compared(other))
