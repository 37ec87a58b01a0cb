"""A reading is remembered for the very objects it was asked about, and for no longer than they live."""

import itertools
import weakref

from agents.remembered import remembered, remembered_each


class Asked:
    """Something to ask about; all of them are equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asked)

    def __hash__(self) -> int:
        return 1


def test_the_same_objects_are_read_once_and_equal_ones_again() -> None:
    calls: list[Asked] = []

    @remembered
    def read(asked: Asked) -> int:
        calls.append(asked)
        return len(calls)

    one, other = Asked(), Asked()
    assert [read(one), read(one), read(other), read(one)] == [1, 1, 2, 3]


def test_what_was_asked_about_is_let_go_with_its_answer() -> None:
    @remembered
    def read(asked: Asked) -> Asked:
        del asked
        return Asked()

    one = Asked()
    answer = weakref.ref(read(one))
    assert answer() is not None
    del one
    assert answer() is None


def test_each_object_has_its_answer_as_long_as_it_lives() -> None:
    reads = itertools.count(1)

    @remembered_each
    def read(asked: Asked) -> int:
        del asked
        return next(reads)

    first, second = Asked(), Asked()
    assert [read(first), read(second), read(first), read(second)] == [1, 2, 1, 2]
    # Addresses are used again, and an answer about what is gone is nobody's.
    assert [read(Asked()) for _ in range(50)] == list(range(3, 53))
    assert [read(first), read(second)] == [1, 2]
