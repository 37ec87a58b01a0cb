"""What one case of a suite came to, as a plain value: it travels between processes and into the JSON report."""

from collections.abc import Sequence

from pydantic import Field

from incidents.diagnosis import Argument, Diagnosis, Hypothesis
from incidents.finding import Gap
from incidents.recording import ModelCall
from incidents.value import Value

MOST_HYPOTHESES = 5
MOST_ARGUMENTS = 6
"""Shown of one hypothesis for and against: the weightiest."""


class Shown(Value):
    """One hypothesis as the report shows it."""

    cause: str
    entity: str
    probability: float
    statement: str
    speaks_for: tuple[str, ...]
    speaks_against: tuple[str, ...]


class Deed(Value):
    """What was proposed and done in an episode, and what came of it."""

    proposed: tuple[str, ...] = ()
    """`kind target` of each action of the proposal."""
    ending: str
    """verified, undone, escalated, nothing proposed, denied, refused."""
    detail: str = ""
    healed: bool | None = None
    """Whether the world's faults are gone at the end; None where nothing was broken."""
    harmful: tuple[str, ...] = ()
    """Actions that were carried out and must not have been."""
    undone: bool = False
    """Whether what was done was taken back by itself, all of it."""
    put_aside: tuple[str, ...] = ()
    """`kind target: why` of each action that its rehearsal spoke against."""


class CaseResult(Value):
    """One case."""

    case: str
    family: str
    expected: str
    ranked: tuple[str, ...] = ()
    correct: bool = False
    seconds: float
    """Wall-clock seconds of the whole case, the serving of its estate included."""
    cpu_seconds: float = 0.0
    metrics: dict[str, float] = {}
    """Contribution by metric name; a metric that says nothing about this case is left out."""
    notes: tuple[str, ...] = ()
    error: str = ""
    """The traceback of a case that could not be run to its end. Such a case counts as wrong."""
    confidence: float | None = None
    """Probability of the first hypothesis; None when nothing was suspected."""
    hit: bool | None = None
    """Whether the first hypothesis is right, whatever the verdict."""
    verdict: str = ""
    reason: str = ""
    hypotheses: tuple[Shown, ...] = ()
    probes: int = 0
    rounds: int = 0
    gaps: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    """Specialists and detectors of ours that failed. The product goes on without them; an eval has to show them."""
    deed: Deed | None = None
    arm: str = "rules"
    calls: tuple[ModelCall, ...] = Field(default=(), exclude=True)
    """What a model said; kept in a file of its own, not in the report."""
    repetition: int = 0

    @property
    def answer(self) -> tuple[str, ...]:
        """What was said and proposed, to be compared with another run of the same case."""
        sure = tuple(f"{one.probability:.4f} {one.cause} {one.entity}" for one in self.hypotheses)
        return (self.verdict, *sure, *(self.deed.proposed if self.deed else ()))


def defects(gaps: Sequence[Gap]) -> tuple[str, ...]:
    """Of what could not be seen, that for which nobody but our own code is to blame."""
    ours = [gap for gap in gaps if gap.what.startswith(BLIND) or gap.why.startswith(FAILED)]
    return tuple(dict.fromkeys(f"{gap.agent}: {gap.what}: {gap.why}" for gap in ours))


BLIND, FAILED = "everything ", "the detector failed"
"""How the gaps begin that a specialist or a detector leaves when it raises."""


def shown(diagnosis: Diagnosis) -> tuple[Shown, ...]:
    """The likeliest hypotheses with their weightiest arguments."""
    return tuple(_shown(hypothesis) for hypothesis in diagnosis.hypotheses[:MOST_HYPOTHESES])


def _shown(hypothesis: Hypothesis) -> Shown:
    return Shown(
        cause=hypothesis.cause,
        entity=hypothesis.entity,
        probability=hypothesis.probability,
        statement=hypothesis.statement,
        speaks_for=_lines(hypothesis.speaks_for),
        speaks_against=_lines(hypothesis.speaks_against),
    )


def _lines(arguments: Sequence[Argument]) -> tuple[str, ...]:
    return tuple(f"{argument.weight:+.2f} {argument.text}" for argument in arguments[:MOST_ARGUMENTS])
