"""Earned autonomy: what became of the changes of one kind, and whether a kind may run without a click. Pure.

A class of changes is an action, for a cause, in a namespace of a cluster. Its record are graded proposals. A person may
sign a row of the policy that lets a class run by itself while a lower bound on its success stays above a figure. The
bound is exact and one-sided (C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in
the case of the binomial", Biometrika 26, 1934): it is never more hopeful than it says, which is worth more here than a
narrower one (L. D. Brown, T. T. Cai, A. DasGupta, "Interval estimation for a binomial proportion", 2001, compare them).
It takes outcomes to be independent of each other. Those of one incident are not, so each proposal counts once.
"""

import math
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, Field

from incidents.ids import ActionKind, CauseSlug, EntityId, ProposalDigest
from incidents.value import Value


class Grade(StrEnum):
    """What became of a proposal."""

    VERIFIED = "verified"
    UNDONE = "undone"
    """It hurt or did not help, and was taken back."""
    ESCALATED = "escalated"
    """It could not be taken back, or nobody could see whether it helped."""
    UNKNOWN = "unknown"
    """Nobody could see whether it happened."""
    REJECTED = "rejected"
    """A person said no: without a click it would have run."""


DEMOTES = frozenset({Grade.UNDONE, Grade.ESCALATED, Grade.UNKNOWN})
"""One of these takes autonomy away until a person signs again. A rejection only lowers the bound."""


class ChangeClass(Value):
    """What is judged as one kind of change."""

    action: ActionKind
    cause: CauseSlug
    cluster: str
    namespace: str

    @property
    def text(self) -> str:
        """`rollback_workload for memory_limit_too_low in shop (prod-eu)`."""
        return f"{self.action} for {self.cause} in {self.namespace} ({self.cluster})"


class Graded(Value):
    """One action of one proposal, graded."""

    change: ChangeClass
    grade: Grade
    at: AwareDatetime
    proposal: ProposalDigest


class TrackRecord(Value):
    """What became of one class."""

    change: ChangeClass
    counts: dict[Grade, int]
    first_at: AwareDatetime
    last_at: AwareDatetime
    demoted_at: AwareDatetime | None
    """When the last outcome came that takes autonomy away."""

    @property
    def trials(self) -> int:
        """How many proposals were graded."""
        return sum(self.counts.values())

    @property
    def successes(self) -> int:
        """How many of them were verified."""
        return self.counts.get(Grade.VERIFIED, 0)

    def bound(self, *, confidence: float) -> float:
        """With this confidence the class succeeds at least so often."""
        return lower_bound(self.successes, self.trials, confidence=confidence)


class EarnedTerms(Value):
    """What a person signs when they let a class run without a click."""

    at_least: float = Field(gt=0.5, lt=1)
    """The lower bound on success that has to be reached."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    trials: int = Field(default=20, ge=5)
    """How many graded proposals it takes, however good they were."""
    days: float = Field(default=180, gt=0)
    """How far back the record is read."""
    signed_by: str = Field(min_length=1)
    signed_at: AwareDatetime
    """One bad outcome after this takes it away; signing anew, with a later date, gives it back."""


class Earned(Value):
    """Whether a class has earned it, and why or why not."""

    earned: bool
    bound: float
    because: str


def change_class(action: ActionKind, cause: CauseSlug, target: EntityId) -> ChangeClass:
    """The class of an action on a target."""
    cluster, namespace, *_ = target.split("/", 3)
    return ChangeClass(action=action, cause=cause, cluster=cluster, namespace=namespace)


def records(graded: Iterable[Graded], *, now: datetime, days: float) -> tuple[TrackRecord, ...]:
    """The record of every class over the last days, that with most trials first. A proposal counts once per class."""
    since = now - timedelta(days=days)
    classes: dict[ChangeClass, dict[ProposalDigest, Graded]] = {}
    for item in graded:
        if since < item.at <= now:
            classes.setdefault(item.change, {})[item.proposal] = item
    found = [_record(change, list(items.values())) for change, items in classes.items()]
    return tuple(sorted(found, key=lambda record: (-record.trials, record.change.text)))


def _record(change: ChangeClass, items: list[Graded]) -> TrackRecord:
    times = sorted(item.at for item in items)
    bad = [item.at for item in items if item.grade in DEMOTES]
    return TrackRecord(
        change=change,
        counts=dict(Counter(item.grade for item in items)),
        first_at=times[0],
        last_at=times[-1],
        demoted_at=max(bad, default=None),
    )


def earned(record: TrackRecord | None, terms: EarnedTerms) -> Earned:
    """Whether the record reaches what the terms ask for. The record has to be of the days that the terms name."""
    if record is None:
        return Earned(earned=False, bound=0.0, because="nothing of this kind was ever verified")
    bound = record.bound(confidence=terms.confidence)
    figures = (
        f"{record.successes} of {record.trials} verified, at least {bound:.0%} with {terms.confidence:.0%} confidence"
    )
    if record.demoted_at is not None and record.demoted_at >= terms.signed_at:
        why = f"it went wrong at {record.demoted_at:%Y-%m-%d %H:%M} UTC, after {terms.signed_by} signed: sign it anew"
        return Earned(earned=False, bound=bound, because=why)
    if record.trials < terms.trials:
        return Earned(earned=False, bound=bound, because=f"{figures}: it takes {terms.trials} graded proposals")
    if bound < terms.at_least:
        return Earned(
            earned=False, bound=bound, because=f"{figures}: less than the {terms.at_least:.0%} that were signed"
        )
    return Earned(earned=True, bound=bound, because=f"{figures}; {terms.signed_by} signed for {terms.at_least:.0%}")


_STEPS = 60
"""Bisections: the bound is exact to about 1e-18 of its width."""


def lower_bound(successes: int, trials: int, *, confidence: float) -> float:
    """The one-sided Clopper-Pearson lower bound on a rate of success; 0 without a success.

    The rate at which at least this many successes in so many trials would come with a probability of 1 - confidence.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials cannot be")
    if successes == 0:
        return 0.0
    low, high, alpha = 0.0, successes / trials, 1 - confidence
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_least(successes, trials, middle) < alpha else (low, middle)
    return low


def _at_least(successes: int, trials: int, rate: float) -> float:
    """The probability of so many successes or more."""
    if rate <= 0.0:
        return 0.0
    logs = (
        math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        + k * math.log(rate) + (trials - k) * math.log1p(-rate)
        for k in range(successes, trials + 1)
    )  # fmt: skip
    return math.fsum(math.exp(log) for log in logs)


def trials_needed(at_least: float, *, confidence: float) -> int:
    """How many successes in a row it takes to reach a bound: ln(1 - confidence) / ln(bound), rounded up."""
    return math.ceil(math.log(1 - confidence) / math.log(at_least) - 1e-9)
