"""How each runbook stands: what lint says, which incidents it explained, whether its fixes held, and if it is stale."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from agents.detector import vocabulary
from agents.runbooks.library import Library
from agents.runbooks.lint import Known, lint
from agents.runbooks.problem import Problem, Severity
from agents.runbooks.runbook import Runbook
from incidents.course import Course
from incidents.ids import Digest
from incidents.value import Value
from incidents.verification import Outcome

LOOKED_BACK = timedelta(days=180)
"""How far back uses are counted."""
BROKEN = "its file cannot be used now: the last version without errors is"


class Standing(Value):
    """One runbook."""

    runbook: Runbook
    problems: tuple[Problem, ...]
    uses: tuple[Course, ...]
    """Incidents whose diagnosis it stands behind, newest first."""
    executed: int
    verified: int
    stale: str
    """Why it should be looked at again; empty when nothing says so."""

    @property
    def errors(self) -> int:
        """Problems that keep it from being used as it was meant."""
        return sum(problem.severity is Severity.ERROR for problem in self.problems)


def shelf(library: Library, problems: Sequence[Problem], courses: Sequence[Course]) -> tuple[Standing, ...]:
    """All runbooks. Reads when their files were last changed; blocking, so call it in a thread."""
    found = (*problems, *_linted(library))
    by_path: dict[str, list[Problem]] = {}
    for problem in found:
        by_path.setdefault(problem.path, []).append(problem)
    by_cause: dict[str, list[Course]] = {}
    for course in sorted(courses, key=lambda one: one.noticed, reverse=True):
        by_cause.setdefault(course.cause or "", []).append(course)
    return tuple(_standing(runbook, by_path, by_cause) for runbook in library.runbooks)


def _standing(
    runbook: Runbook, by_path: Mapping[str, Sequence[Problem]], by_cause: Mapping[str, Sequence[Course]]
) -> Standing:
    uses = tuple(by_cause.get(runbook.cause.slug, ())) if runbook.cause else ()
    problems = tuple(sorted(by_path.get(runbook.path, ()), key=lambda problem: problem.line))
    tried = [course for course in uses if course.outcome]
    return Standing(
        runbook=runbook,
        problems=problems,
        uses=uses,
        executed=len(tried),
        verified=sum(course.outcome is Outcome.VERIFIED for course in tried),
        stale=_stale(problems, tried, changed=_changed(Path(runbook.path))),
    )


def _stale(problems: Sequence[Problem], tried: Sequence[Course], *, changed: datetime | None) -> str:
    """A fix that did not hold and a text that nobody touched since, or a file that is broken by now."""
    if any("the last version without errors" in problem.message for problem in problems):
        return BROKEN
    last = tried[0] if tried else None
    if last is None or last.outcome is Outcome.VERIFIED:
        return ""
    if changed is not None and changed > last.noticed:
        return ""
    return f"its last fix ended {last.outcome} in {last.incident}, and the text was not changed since"


def _changed(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    except OSError:
        return None


_kept: dict[Digest, tuple[Problem, ...]] = {}


def _linted(library: Library) -> tuple[Problem, ...]:
    """What lint says of this library; worked out once for each state of the folders."""
    if library.digest not in _kept:
        _kept.clear()
        _kept[library.digest] = lint(library, known=_known())
    return _kept[library.digest]


@cache
def _known() -> Known:
    """Facts and actions that exist. Imported here: only a page that shows lint has to know them all."""
    from orchestrator.executor.catalogue import cards

    return Known.of(vocabulary(), cards().values())
