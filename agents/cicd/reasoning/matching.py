"""Whether a commit can have produced a failure: what it does against how it fails, with reasons. Pure.

Time and deployment are for the caller to judge; here only content speaks.
"""

import re
from collections.abc import Iterable, Iterator

from agents.cicd.reasoning.data import data
from agents.cicd.reasoning.effect import Done, Effect
from agents.cicd.reasoning.failure import Failure
from agents.cicd.reasoning.lines import Diff, names_in, words_of
from agents.cicd.reasoning.modes import Mode
from agents.cicd.reasoning.quantities import quantities
from agents.cicd.reasoning.removals import removals
from agents.cicd.reasoning.settings import GENERAL, settings
from agents.cicd.reasoning.table import CAN_BREAK
from agents.cicd.touches import FileClass, file_class
from incidents.value import Value

MATCHES = 0.45
"""Score from which a commit is held to have produced the failure. An effect that is the first suspect for the way it
fails reaches it alone; one that is merely possible needs a name, a file or a number in common besides."""
CONTENT = 0.62
"""The most that the kind of effect scores alone."""
FRAME = 0.3
"""A changed file stands in the stack trace."""
NAME = 0.25
"""A name that the change is about stands in the messages."""
WORD = 0.12
"""Words of such a name do."""
NUMBER = 0.15
"""The new number stands in the messages."""
MOST_SURE = 0.97
DEPENDENCIES = frozenset({Effect.DEPENDENCY_MAJOR, Effect.DEPENDENCY_MINOR, Effect.DEPENDENCY_PATCH})
"""Effects whose names are those of packages: one word of it names it."""
NAMED_BY_ONE_WORD = DEPENDENCIES | {Effect.FLAG_CHANGED, Effect.ADDRESS_CHANGED, Effect.CREDENTIAL_CHANGED}
"""Effects whose lines hold little else than names: one word of them is telling."""
LONG_WORD = 5
"""Letters from which a word tells something."""
_WORDS = """
error errors request requests response context service server client handler value values string number config
status return result results object timeout failed failure query table index field fields update select where
cluster local https false internal default message messages level debug function method class public private
static await async const import export package require count total limit process processing record records
received upstream downstream handled while calling called during before after above below through because cannot
could should instance
"""
COMMON = frozenset(_WORDS.split()) | GENERAL
"""Words that nearly every log and nearly every program holds."""


class Match(Value):
    """What one commit has to do with one failure."""

    score: float
    """0..1; from MATCHES on the commit explains the failure."""
    effect: Effect
    mode: Mode
    reasons: tuple[str, ...]
    done: Done


def effects(diff: Diff) -> tuple[Done, ...]:
    """Everything that a commit does, by kinds. Of files that pin versions only the versions are read."""
    written = Diff(files=diff.files, hunks=tuple(one for one in diff.hunks if not _pins(one.path)), unread=diff.unread)
    return (*quantities(written), *removals(written), *data(written), *settings(diff), *_anything(written))


def _pins(path: str) -> bool:
    return file_class(path) is FileClass.DEPENDENCY


def _anything(diff: Diff) -> Iterator[Done]:
    """That something in a file of code is otherwise at all: little by itself, something beside a stack trace."""
    for path in dict.fromkeys(line.path for line in (*diff.removed, *diff.added)):
        if file_class(path) is FileClass.CODE:
            changed = [line for line in (*diff.removed, *diff.added) if line.path == path]
            names = tuple(dict.fromkeys(name for line in changed for name in names_in(line.text)))[:MOST_NAMES]
            yield Done(
                effect=Effect.LOGIC, path=path, words=f"changes {path.rpartition('/')[2]}", names=names, sure=0.3
            )


MOST_NAMES = 30


def match(done: Iterable[Done], diff: Diff, failure: Failure) -> Match | None:
    """The best explanation of the failure by one of the effects; None when no effect has anything to do with it."""
    found = [one for effect in done if (one := _match(effect, diff, failure)) is not None]
    return max(found, key=lambda one: (one.score, one.done.sure), default=None)


def _match(done: Done, diff: Diff, failure: Failure) -> Match | None:
    table = CAN_BREAK[done.effect]
    fits = {mode: table[mode] * weight for mode, weight in failure.modes.items() if mode in table}
    if not fits:
        return None
    mode = max(fits, key=lambda one: fits[one])
    score = CONTENT * fits[mode] * done.sure
    reasons = [f"it {done.words}, which shows as {mode.value.replace('_', ' ')}"]
    for worth, reason in _witnesses(done, diff, failure):
        score += worth
        reasons.append(reason)
    return Match(
        score=round(min(score, MOST_SURE), 4), effect=done.effect, mode=mode, reasons=tuple(reasons), done=done
    )


def _witnesses(done: Done, diff: Diff, failure: Failure) -> Iterator[tuple[float, str]]:
    file = done.path.rpartition("/")[2]
    innermost = failure.innermost == file
    if done.effect is Effect.LOGIC and not innermost:
        return
    frames = [name for name in failure.files if name == file]
    packages = [name for name in done.names if done.effect in DEPENDENCIES and len(name) >= LONG_WORD]
    through = [name for name in packages if name.lower() in failure.paths]
    if frames or through:
        yield FRAME, f"{(frames or through)[0]} stands in the stack trace"
    named = [name for name in done.names if is_telling(name) and _stands(name, failure)]
    named = named or [name for name in packages if name.lower() in failure.text.lower()]
    words = {word for name in done.names for word in words_of(name) if len(word) >= LONG_WORD} - COMMON
    shared = sorted(word for word in words if {word, word.rstrip("s"), f"{word}s"} & failure.words)
    if named:
        yield NAME, f"{named[0]} stands in the messages"
    elif shared:
        whole = len(shared) > 1 or done.effect in NAMED_BY_ONE_WORD
        yield (NAME if whole else WORD), f"the messages speak of {', '.join(shared[:3])}"
    called = [
        one for one in failure.functions if any(one in hunk.heading for hunk in diff.hunks if hunk.path == done.path)
    ]
    if called and not frames:
        yield WORD, f"{called[0]} stands in the stack trace"
    if done.after is not None and _says(done.after, failure):
        yield NUMBER, f"the new value {done.after:g} stands in the messages"


def _stands(name: str, failure: Failure) -> bool:
    """Identifiers are compared as such; values with other characters in them (a host, a bucket) with the whole text."""
    return name in failure.text if _VALUE.search(name) else name in failure.names


_VALUE = re.compile(r"[-./:]")


def is_telling(name: str) -> bool:
    """Whether a name is one of the program's own and not a word of every program."""
    return name.lower() not in COMMON and len(name) >= 3 and not re.fullmatch(r"[a-z]{1,4}", name)  # noqa: PLR2004


LEAST_TELLING = 10.0
"""Numbers below stand everywhere."""


def _says(number: float, failure: Failure) -> bool:
    forms = {number, number * 1000}
    return any(form >= LEAST_TELLING and form in failure.numbers for form in forms)
