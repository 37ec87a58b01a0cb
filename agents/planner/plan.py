"""From the diagnosis to what is proposed: the safest action whose arguments are known, its checks, and what else.

Pure. Fences, previews, cost and policy are added when the plan is rehearsed; `fallbacks` come next when a preview is
refused.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.diagnostician.wording import label_of
from agents.planner.arguments import NoArgumentError, arguments
from agents.planner.checks import ALERT_RESOLVED, HOLD, checks
from agents.planner.evidence import Known
from agents.planner.gitops import IMPERATIVE, ORDER, ROLLBACK, Ownership, application_of, ownership, rank
from agents.planner.prevention import follow_ups
from agents.planner.replicas import BLIND, SIZE, figure
from agents.planner.risk import risk
from agents.planner.targets import targets
from agents.planner.watched import watched
from agents.runbooks.library import Library
from incidents.action import ActionRequest, Reversibility
from incidents.casefile import CaseFile
from incidents.cause import ActionHint, Cause
from incidents.diagnosis import Diagnosis, Hypothesis
from incidents.ids import ActionKind, CauseSlug, EntityId, EvidenceId
from incidents.proposal import Alternative, Risk
from incidents.reach import reach
from incidents.topology import Relation
from incidents.value import Value
from incidents.verification import Check, CheckRole
from tools.action import ActionCard

WATCH_SECONDS = 600
"""Length of the verification window: a rollout, then the time that success has to hold, and as much again for noise."""


MARGIN = timedelta(minutes=5)
"""How long before it began things were as usual: onsets are known to a minute or two, and rates look back."""
BLAMED = timedelta(hours=1)
"""A change longer before its effect did not make the figures worse until then."""


class Plan(Value):
    """What is proposed. `requests` are done in this order, one per leading cause."""

    cause: CauseSlug
    entity: EntityId
    confidence: float
    requests: tuple[ActionRequest, ...]
    fallbacks: tuple[ActionRequest, ...] = ()
    """In order: what comes next for the first cause when a preview of `requests` is refused."""
    checks: tuple[Check, ...]
    watch_seconds: int = WATCH_SECONDS
    usual_at: datetime | None = None
    """Right before it began: what was measured then is what is usual."""
    alternatives: tuple[Alternative, ...] = ()
    follow_ups: tuple[str, ...] = ()
    caution: str = ""
    risk: Risk
    """From topology; judged again with the previewed blast radius."""
    evidence: tuple[EvidenceId, ...] = ()
    """What the leading arguments cite."""


class NoPlan(Value):
    """Nothing is proposed; people decide what to do."""

    reason: str
    alternatives: tuple[Alternative, ...] = ()
    follow_ups: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    """Teams that the runbook names."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An action that could be done."""

    request: ActionRequest
    card: ActionCard
    owner: Ownership
    order: int

    @property
    def preference(self) -> tuple[int, int, int, EntityId]:
        """Smaller is safer: through Git where Git owns it, exactly undone before otherwise undone, then as written."""
        undone = tuple(Reversibility).index(self.card.reversibility)
        return rank(self.request.kind, owner=self.owner), undone, self.order, self.request.target


def plan(
    case: CaseFile, diagnosis: Diagnosis, library: Library, cards: Mapping[ActionKind, ActionCard]
) -> Plan | NoPlan:
    """Decide what to propose. `cards` is the action catalogue as far as agents may know it."""
    leading = diagnosis.leading
    if not leading:
        return NoPlan(reason=f"No cause stands above the others. {diagnosis.reason}")
    chosen: list[Candidate] = []
    rest: list[Candidate] = []
    refused: list[Alternative] = []
    repaired: list[Hypothesis] = []
    for hypothesis in leading:
        found, not_possible = _candidates(case, hypothesis, library=library, cards=cards)
        chosen += found[:1]
        rest += found[1:]
        refused += not_possible
        repaired += [hypothesis] if found else []
    if not chosen:
        return _no_plan(leading[0], library=library, refused=refused)
    checked = _checks(case, leading, repaired=repaired, library=library)
    return _plan(case, leading, library=library, chosen=chosen, rest=rest, refused=refused, checked=checked)


def _candidates(
    case: CaseFile, hypothesis: Hypothesis, *, library: Library, cards: Mapping[ActionKind, ActionCard]
) -> tuple[list[Candidate], list[Alternative]]:
    cause, known = library.cause(hypothesis.cause), Known(case, hypothesis)
    found: dict[tuple[ActionKind, EntityId], Candidate] = {}
    refused: list[Alternative] = []
    for order, hint in enumerate(_hints(cause, known=known, cards=cards) if cause else ()):
        answer = _consider(hint, order=order, known=known, cards=cards)
        if isinstance(answer, Alternative):
            refused.append(answer)
        else:
            found.setdefault((answer.request.kind, answer.request.target), answer)
    done = {kind for kind, _ in found}
    refused = [alternative for alternative in refused if alternative.request.kind not in done]
    return sorted(found.values(), key=lambda candidate: candidate.preference), refused


def _hints(cause: Cause, *, known: Known, cards: Mapping[ActionKind, ActionCard]) -> Iterator[ActionHint]:
    """The runbook's actions; where Git owns the workload, a rollback through Git is one even if it is not written."""
    yield from cause.actions
    written = {hint.kind for hint in cause.actions}
    if ROLLBACK in written:
        for kind in ORDER[ownership(known, known.entity)]:
            if kind in cards and kind not in written:
                yield ActionHint(kind=kind)


def _consider(
    hint: ActionHint, *, order: int, known: Known, cards: Mapping[ActionKind, ActionCard]
) -> Candidate | Alternative:
    card = cards.get(hint.kind)
    if card is None:
        return _refusal(hint.kind, known.entity, "this installation has no such action")
    fitting = targets(card, known=known)
    if not fitting:
        kinds = " or ".join(card.targets)
        return _refusal(hint.kind, known.entity, f"no {kinds} that belongs to it is known to exist")
    try:
        filled = arguments(hint, card=card, target=fitting[0], known=known)
    except NoArgumentError as error:
        return _refusal(hint.kind, fitting[0], str(error))
    if hint.kind == SCALE and (autoscaler := _autoscaler(fitting[0], known=known)):
        why = f"{label_of(autoscaler)} sets its replicas and would put them back"
        return _refusal(hint.kind, fitting[0], why)
    reason = f"{known.hypothesis.title} at {label_of(known.entity)}"
    request = ActionRequest(kind=hint.kind, target=fitting[0], arguments=filled, reason=reason)
    return Candidate(request=request, card=card, owner=ownership(known, fitting[0]), order=order)


SCALE = ActionKind("scale_workload")


def _autoscaler(target: EntityId, *, known: Known) -> EntityId | None:
    """The autoscaler that sets its replicas; one that cannot read its metric leaves them as they are."""
    if figure(BLIND, "max", target, known=known) is not None:
        return None
    return next(iter(known.case.topology.sources(target, Relation.SCALES)), None)


def _refusal(kind: ActionKind, target: EntityId, because: str) -> Alternative:
    return Alternative(request=ActionRequest(kind=kind, target=target), because=because)


def _no_plan(hypothesis: Hypothesis, *, library: Library, refused: list[Alternative]) -> NoPlan:
    cause = library.cause(hypothesis.cause)
    where = f"{hypothesis.title} at {label_of(hypothesis.entity)}"
    if cause is None:
        reason = f"{where}: no runbook describes it, so no action is known to repair it."
    elif not cause.actions:
        reason = f"{where}: its runbook knows no action that Midwatch could take; people repair it."
    else:
        reason = f"{where}: {refused[0].because}." if refused else f"{where}: none of its actions can be done."
    return NoPlan(
        reason=reason,
        alternatives=tuple(refused),
        follow_ups=follow_ups(library, hypothesis.cause),
        owners=cause.owners if cause else (),
    )


def _plan(
    case: CaseFile,
    leading: Sequence[Hypothesis],
    *,
    library: Library,
    chosen: list[Candidate],
    rest: list[Candidate],
    refused: list[Alternative],
    checked: tuple[Check, ...],
) -> Plan:
    first = leading[0]
    cause = library.cause(first.cause)
    assert cause is not None, "a candidate came from a cause's actions"
    evidence = dict.fromkeys(e for h in leading for point in h.speaks_for for e in point.evidence)
    return Plan(
        cause=first.cause,
        entity=first.entity,
        confidence=first.probability,
        requests=tuple(candidate.request for candidate in chosen),
        fallbacks=(*smaller_steps(chosen, case=case, first=first), *(candidate.request for candidate in rest)),
        checks=checked,
        watch_seconds=max(WATCH_SECONDS, int(2 * HOLD.total_seconds())),
        usual_at=_before(case, leading),
        alternatives=(*(_second(candidate, chosen=chosen) for candidate in rest), *refused),
        follow_ups=(*_put_into_git(chosen, case=case, first=first), *follow_ups(library, first.cause)),
        caution=cause.caution,
        risk=_risk(case, chosen),
        evidence=tuple(evidence),
    )


STEPS = (0.5, 0.25)
"""Shares of a step that come next when all of it cannot be done."""


def smaller_steps(chosen: Sequence[Candidate], *, case: CaseFile, first: Hypothesis) -> tuple[ActionRequest, ...]:
    """Fewer pods than the load asks for, in case what stands around or behind them has no room for so many."""
    request = chosen[0].request
    present = figure(SIZE, "replicas", request.target, known=Known(case, first))
    wanted = request.arguments.get("replicas")
    if len(chosen) > 1 or request.kind != SCALE or present is None or not isinstance(wanted, int):
        return ()
    sizes = dict.fromkeys(math.ceil(present + (wanted - present) * share) for share in STEPS)
    return tuple(
        request.model_copy(update={"arguments": {**request.arguments, "replicas": size}})
        for size in sizes
        if present < size < wanted
    )


def _before(case: CaseFile, leading: Sequence[Hypothesis]) -> datetime | None:
    """Before the first of the causes showed, and before the change that is blamed for it."""
    changes = {fact.id: fact.at for fact in case.facts}
    changed = [at for hypothesis in leading if hypothesis.change and (at := changes.get(hypothesis.change))]
    began = [hypothesis.onset for hypothesis in leading if hypothesis.onset]
    first = min([*began, *([case.onset] if case.onset else [])], default=None)
    near = [at for at in changed if first and at >= first - BLAMED]
    return min([first, *near]) - MARGIN if first else None


def _checks(
    case: CaseFile, leading: Sequence[Hypothesis], *, repaired: Sequence[Hypothesis], library: Library
) -> tuple[Check, ...]:
    """What decides: success of the causes that are repaired, guards around all of them.

    A cause that is left to people goes on, and its alerts with it: neither says whether the repair of the other helped.
    """
    every = [
        (hypothesis, check)
        for hypothesis in leading
        if (taught := library.cause(hypothesis.cause))
        for target in watched(hypothesis, case=case)
        for check in checks(taught, target=target, known=Known(case, hypothesis))
    ]
    kept = [check for hypothesis, check in every if check.role is CheckRole.GUARD or hypothesis in repaired]
    goals = [check for check in kept if check.role is CheckRole.SUCCESS and check.measure != ALERT_RESOLVED]
    if goals and len(repaired) < len(leading):
        kept = [check for check in kept if check.measure != ALERT_RESOLVED]
    return tuple(dict.fromkeys(kept))


def _second(candidate: Candidate, *, chosen: list[Candidate]) -> Alternative:
    better = chosen[0]
    if candidate.owner is not Ownership.CLUSTER and candidate.request.kind in IMPERATIVE:
        because = "Argo CD owns this workload: a change behind Git's back is put back, or stays as drift"
    elif candidate.card.reversibility is not better.card.reversibility:
        because = f"{better.card.title} is undone more exactly"
    else:
        because = f"{better.card.title} is the first choice of the runbook"
    return Alternative(request=candidate.request, because=because)


def _put_into_git(chosen: list[Candidate], *, case: CaseFile, first: Hypothesis) -> tuple[str, ...]:
    application = application_of(Known(case, first), first.entity)
    if application is None or not any(candidate.request.kind in IMPERATIVE for candidate in chosen):
        return ()
    return (f"Make the same change in Git: {label_of(application)} deploys it and would bring the old state back.",)


def _risk(case: CaseFile, chosen: list[Candidate]) -> Risk:
    return risk(
        [(candidate.card.reversibility, reach(candidate.request.target, case.topology)) for candidate in chosen]
    )
