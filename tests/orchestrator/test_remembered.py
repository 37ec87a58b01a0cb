"""Documents that were read are remembered up to so many characters, those unused longest are forgotten first."""

from __future__ import annotations

from incidents.value import Value
from orchestrator.store.columns import Document, Remembered


class Note(Value):
    """Something that is kept as JSON."""

    said: str


NOTES = Document(Note)


def written(said: str) -> str:
    return Note(said=said).model_dump_json()


def test_the_same_text_is_the_same_value_until_it_is_forgotten() -> None:
    one, two, three = (written(letter * 20) for letter in "abc")
    kept = Remembered(2 * len(one))
    first = kept.read(NOTES, one)
    assert first == Note(said="a" * 20)
    kept.read(NOTES, two)
    assert kept.read(NOTES, one) is first
    kept.read(NOTES, three)
    assert kept.read(NOTES, one) is first, "used last but one"
    assert kept.characters == 2 * len(one)


def test_many_long_documents_take_no_more_room_than_was_given() -> None:
    kept = Remembered(1000)
    for number in range(500):
        assert kept.read(NOTES, written(f"{number:090d}")).said == f"{number:090d}"
        assert kept.characters <= 1000


def test_a_document_longer_than_all_the_room_is_read_and_not_kept() -> None:
    kept = Remembered(10)
    assert kept.read(NOTES, written("x" * 50)).said == "x" * 50
    assert kept.characters == 0
