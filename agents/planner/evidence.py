"""What the planner reads out of a case: facts near what is to be changed, figures, changes that can be taken back."""

from collections.abc import Iterable
from datetime import timedelta

from agents.diagnostician.places import Places
from agents.diagnostician.weights import CONTEXT
from incidents.casefile import CaseFile
from incidents.diagnosis import Hypothesis
from incidents.fact import Fact, FactRole
from incidents.ids import EntityId, FactId, FactKind
from incidents.value import Scalar

BY_HAND = FactKind("change.manual")
TOLD_OF_A_DEPLOY = frozenset({BY_HAND, FactKind("change.matches_failure")})
"""Who wrote it, or what its commit does: the deploy itself, with its revision, is told by another fact."""
SAME_DEPLOY = timedelta(minutes=2)
"""Facts about one deploy are read from several systems whose times differ by less than this."""

TEMPLATE_CHANGES = frozenset(
    FactKind(f"change.{what}")
    for what in (
        *("deployed", "image_changed", "code", "memory_limit_lowered", "memory_limit_raised", "cpu_limit_lowered"),
        *("requests_changed", "env_changed", "config_ref_changed", "command_changed", "probe_changed"),
        *("port_changed", "affinity_changed", "volume_changed", "labels_changed", "security_changed"),
        *("containers_changed", "cpu_limit_raised", "flag", "restarted"),
    )
)
"""Changes that make a new revision of a workload's template, which going back to the one before undoes."""


class Known:
    """The facts of one case around one hypothesis."""

    def __init__(self, case: CaseFile, hypothesis: Hypothesis) -> None:
        """`hypothesis` is a leading one."""
        self.case, self.hypothesis = case, hypothesis
        self.entity = hypothesis.entity
        self.places = Places(case.topology)
        self.by_id: dict[FactId, Fact] = {fact.id: fact for fact in case.facts}
        self.cited = frozenset(fact for point in hypothesis.speaks_for for fact in point.facts)

    def facts(self, kinds: Iterable[FactKind], *, entity: EntityId | None = None) -> list[Fact]:
        """Facts of these kinds near the entity: those that the hypothesis cites first, then nearest, then latest."""
        wanted, about = frozenset(kinds), entity or self.entity
        near = [(fact, self.places.nearness(fact, about)) for fact in self.case.facts if fact.kind in wanted]
        found = [(fact, nearness) for fact, nearness in near if nearness > 0]
        found.sort(key=lambda pair: (pair[0].id not in self.cited, -pair[1], -_stamp(pair[0]), pair[0].id))
        return [fact for fact, _ in found]

    @property
    def change(self) -> Fact | None:
        """The change that set it off."""
        return self.by_id.get(self.hypothesis.change) if self.hypothesis.change else None

    def template_change(self, entity: EntityId) -> Fact | None:
        """The blamed change, when it changed this workload's template: only that is undone by an earlier revision."""
        change = self.change
        if change is not None and change.kind in TOLD_OF_A_DEPLOY and change.entity == entity:
            change = next((fact for fact in self.case.facts if self._same_write(fact, change)), None)
        if change is None or change.kind not in TEMPLATE_CHANGES:
            return None
        return change if self.places.nearness(change, entity) > CONTEXT else None

    def by_hand(self, change: Fact) -> bool:
        """Whether a person made this change in the cluster, past whatever delivers to it."""
        manual = (fact for fact in self.case.facts if fact.kind == BY_HAND and fact.entity == change.entity)
        return any(fact.at and change.at and abs(fact.at - change.at) <= SAME_DEPLOY for fact in manual)

    def _same_write(self, fact: Fact, change: Fact) -> bool:
        """Whether a fact tells which part of the template the same deploy, or change by hand, made anew."""
        told = fact.kind in TEMPLATE_CHANGES and fact.entity == change.entity and "previous_revision" in fact.attributes
        return told and fact.at is not None and change.at is not None and abs(fact.at - change.at) <= SAME_DEPLOY

    def of_deploy(self, change: Fact, attribute: str) -> Scalar | None:
        """An attribute of the deploy that a change belongs to, whichever fact about that deploy carries it."""
        together = [
            fact
            for fact in self.case.facts
            if fact.role is FactRole.CHANGE
            and fact.entity == change.entity
            and fact.at
            and change.at
            and abs(fact.at - change.at) <= SAME_DEPLOY
        ]
        together.sort(key=lambda fact: (fact.id != change.id, fact.kind, fact.id))
        return next((fact.attributes[attribute] for fact in together if attribute in fact.attributes), None)


def _stamp(fact: Fact) -> float:
    return fact.at.timestamp() if fact.at else 0.0
