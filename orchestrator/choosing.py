"""Which of a plan's actions are proposed: those that the target system would take and that nobody rejected. Pure."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from agents.planner.plan import Plan
from incidents.action import ActionRequest, name_of
from incidents.canonical import canonical
from incidents.ids import EntityId, IncidentId
from incidents.prediction import Prediction, nothing
from incidents.proposal import Alternative
from incidents.rejection import Candidate, Rejection, remembered, why_not
from orchestrator.store.rehearsals import Rehearsal

NONE: Mapping[bytes, Prediction] = {}
MOST_FALLBACKS = 2
"""Fallbacks that are rehearsed with the plan: enough when an API refuses one kind of change."""


def choose(
    plan: Plan,
    answers: Mapping[bytes, Rehearsal],
    rejections: Sequence[Rejection],
    *,
    incident: IncidentId,
    predictions: Mapping[bytes, Prediction] = NONE,
    alone: Collection[EntityId] = (),
) -> tuple[list[Rehearsal], list[Alternative]]:
    """The plan's requests that can be proposed, else the first fallback that can; what speaks against the others.

    Nothing is proposed whose blast radius reaches what people want left `alone`.

    What its rehearsal speaks against is put aside; the first fallback that its own rehearsal does not speak against
    comes in its place, or nothing is proposed.
    """
    good, refused = _sifted(plan.requests, answers, rejections, plan=plan, incident=incident, alone=alone)
    good, aside = _rehearsed(good, predictions)
    if good or not (refused or aside):
        return good, [*aside, *refused]
    for request in plan.fallbacks[:MOST_FALLBACKS]:
        second, also = _sifted((request,), answers, rejections, plan=plan, incident=incident, alone=alone)
        refused += also
        second, also_aside = _rehearsed(second, predictions)
        aside += also_aside
        if second:
            return second, [*aside, *refused]
    return [], [*aside, *refused]


def _rehearsed(
    possible: Sequence[Rehearsal], predictions: Mapping[bytes, Prediction]
) -> tuple[list[Rehearsal], list[Alternative]]:
    """Those that their rehearsal does not speak against, and the others with what it showed."""
    kept: list[Rehearsal] = []
    aside: list[Alternative] = []
    for rehearsal in possible:
        prediction = predictions.get(canonical(rehearsal.request))
        if prediction is None or not prediction.speaks_against:
            kept.append(rehearsal)
        else:
            why = f"rehearsed and put aside: {prediction.summary}"
            aside.append(Alternative(request=rehearsal.request, because=why, rehearsed=prediction))
    return kept, aside


def together(chosen: Sequence[Rehearsal], predictions: Mapping[bytes, Prediction]) -> Prediction | None:
    """What is foreseen of the chosen changes; None when no twin was asked for."""
    if not predictions:
        return None
    if len(chosen) > 1:
        return nothing("several changes at once have no twin")
    return predictions.get(canonical(chosen[0].request))


def _sifted(
    requests: Sequence[ActionRequest],
    answers: Mapping[bytes, Rehearsal],
    rejections: Sequence[Rejection],
    *,
    plan: Plan,
    incident: IncidentId,
    alone: Collection[EntityId],
) -> tuple[list[Rehearsal], list[Alternative]]:
    """Requests that would be made together, into those that can be proposed and those that cannot."""
    possible: list[Rehearsal] = []
    refused: list[Alternative] = []
    for request in requests:
        rehearsal = answers[canonical(request)]
        if (why := _objection(rehearsal, alone=alone)) is None:
            possible.append(rehearsal)
        else:
            refused.append(Alternative(request=request, because=why))
    against = remembered(
        [_candidate(rehearsal) for rehearsal in possible],
        rejections,
        cause=plan.cause,
        entity=plan.entity,
        incident=incident,
        now=_moment(possible),
    )
    refused += [
        Alternative(request=possible[index].request, because=why_not(rejection), rejection=rejection.digest)
        for index, rejection in sorted(against.items())
    ]
    return [rehearsal for index, rehearsal in enumerate(possible) if index not in against], refused


def _candidate(rehearsal: Rehearsal) -> Candidate:
    if rehearsal.result is None:
        raise ValueError(f"rehearsal {rehearsal.id} is possible without a result")
    return Candidate(request=rehearsal.request, fence=rehearsal.result.snapshot.fence)


def _moment(rehearsals: Sequence[Rehearsal]) -> datetime:
    """When it was looked: rejections that end meanwhile do not count any more."""
    return max((item.ended_at or item.requested_at for item in rehearsals), default=_EVER)


_EVER = datetime.max.replace(tzinfo=UTC)
"""For no rehearsal at all: then nothing is compared with it."""


def _objection(rehearsal: Rehearsal, *, alone: Collection[EntityId]) -> str | None:
    if rehearsal.result is None:
        return rehearsal.problem or "its preview was not answered"
    if left := rehearsal.result.blast_radius.touched(rehearsal.request.target) & set(alone):
        return f"people said to leave {', '.join(sorted(map(name_of, left)))} alone"
    preview = rehearsal.result.preview
    if not preview.accepted:
        return preview.refusal or "the target system refused the preview"
    return None if preview.diff else "it would change nothing"
