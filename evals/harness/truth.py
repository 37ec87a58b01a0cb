"""What is true in a scenario, and whether an answer says it. Only the harness reads it."""

from incidents.diagnosis import Diagnosis, Hypothesis
from incidents.ids import CauseSlug, EntityId
from incidents.topology import Topology
from incidents.value import Value
from worlds.scenario.scenario import Truth
from worlds.world import Estate

HEALTHY = "healthy"
UNDECIDABLE = "inconclusive"


class Culprit(Value):
    """One cause that is really at work."""

    cause: CauseSlug
    entity: EntityId


class Known(Value):
    """The truth of one scenario with full entity ids."""

    causes: tuple[Culprit, ...]
    healthy: bool
    actions: tuple[str, ...]
    must_not: tuple[str, ...]
    caught: tuple[str, ...] = ()
    """Kinds of action that a rehearsal has to put aside."""
    ends: str = ""
    """How it has to end; empty where that is not the point."""

    @property
    def text(self) -> str:
        """`memory_limit_too_low at shop/deployment/checkout`, `healthy`, `inconclusive`."""
        if self.causes:
            return "; ".join(f"{one.cause} at {one.entity.split('/', 1)[1]}" for one in self.causes)
        return HEALTHY if self.healthy else UNDECIDABLE

    def hit(self, hypothesis: Hypothesis, topology: Topology) -> Culprit | None:
        """The cause that a hypothesis names rightly, with its entity."""
        return next(
            (t for t in self.causes if t.cause == hypothesis.cause and same(hypothesis.entity, t.entity, topology)),
            None,
        )

    def right(self, diagnosis: Diagnosis, topology: Topology) -> bool:
        """Whether the verdict says the truth: all causes and a true one first, or nothing where there is nothing."""
        leading = diagnosis.leading
        if not self.causes or not leading:
            return not self.causes and not leading
        hits = [self.hit(hypothesis, topology) for hypothesis in leading]
        return hits[0] is not None and all(one in hits for one in self.causes)


def same(one: EntityId, other: EntityId, topology: Topology) -> bool:
    """The same thing, or a pod and what owns it."""
    return one == other or topology.owner_of(one) == other or one == topology.owner_of(other)


def known(truth: Truth, estate: Estate) -> Known:
    """The truth with the cluster's name, as soon as the world has come to its now."""
    cluster = estate.scenario.estate.cluster
    causes = [Culprit(cause=CauseSlug(truth.cause), entity=EntityId(f"{cluster}/{estate.true_entity()}"))]
    others = [Culprit(cause=CauseSlug(o.cause), entity=EntityId(f"{cluster}/{o.entity}")) for o in truth.also]
    return Known(
        causes=(*causes, *others) if truth.cause else (),
        healthy=truth.healthy,
        actions=truth.actions,
        must_not=truth.must_not,
        caught=truth.caught,
        ends=truth.ends,
    )
