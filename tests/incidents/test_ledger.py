"""The chain: whatever is done to it afterwards is found."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from incidents.canonical import Json
from incidents.ledger import GENESIS, Entry, EntryKind, entry_hash, verify
from tests.incidents.making import after

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PAYLOADS = st.lists(st.dictionaries(st.text(max_size=8), JSON, max_size=3), min_size=1, max_size=8)


def chain(payloads: list[dict[str, Json]]) -> list[Entry]:
    entries: list[Entry] = []
    previous = GENESIS
    for number, payload in enumerate(payloads, start=1):
        fields = {"seq": number, "at": after(number), "kind": EntryKind.DECIDED, "incident": None, "actor": "ada"}
        sealed = entry_hash(**fields, payload=payload, previous=previous)
        entries.append(Entry(**fields, payload=payload, previous=previous, hash=sealed))
        previous = sealed
    return entries


@given(PAYLOADS)
def test_an_untouched_chain_holds(payloads: list[dict[str, Json]]) -> None:
    assert verify(chain(payloads)) == []


@given(PAYLOADS, st.data())
def test_a_changed_entry_is_found(payloads: list[dict[str, Json]], data: st.DataObject) -> None:
    entries = chain(payloads)
    at = data.draw(st.integers(0, len(entries) - 1))
    entries[at] = entries[at].model_copy(update={"actor": "mallory"})
    assert [found.seq for found in verify(entries)][:1] == [at + 1]


@given(PAYLOADS, st.data())
def test_a_changed_and_rehashed_entry_is_found_by_the_next_one(
    payloads: list[dict[str, Json]], data: st.DataObject
) -> None:
    entries = chain([*payloads, {}])
    at = data.draw(st.integers(0, len(entries) - 2))
    forged = entries[at].model_copy(update={"actor": "mallory"})
    entries[at] = forged.model_copy(update={"hash": entry_hash(**forged.model_dump(exclude={"hash"}))})
    assert [found.seq for found in verify(entries)] == [at + 2]


@given(PAYLOADS, st.data())
def test_a_removed_entry_is_found(payloads: list[dict[str, Json]], data: st.DataObject) -> None:
    entries = chain([*payloads, {}])
    del entries[data.draw(st.integers(0, len(entries) - 2))]
    assert verify(entries)


@given(PAYLOADS, st.data())
def test_reordered_entries_are_found(payloads: list[dict[str, Json]], data: st.DataObject) -> None:
    entries = chain([*payloads, {}])
    at = data.draw(st.integers(0, len(entries) - 2))
    entries[at], entries[at + 1] = entries[at + 1], entries[at]
    assert verify(entries)
