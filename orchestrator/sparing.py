"""Keeps plans away from what people said must be left alone: nothing of it is rehearsed, proposed or done. Pure."""

from collections.abc import Collection

from agents.planner.plan import NoPlan, Plan
from incidents.action import ActionRequest, name_of
from incidents.ids import EntityId
from incidents.proposal import Alternative


def spared(plan: Plan | NoPlan, *, alone: Collection[EntityId]) -> Plan | NoPlan:
    """The plan without the actions on these entities; its fallbacks step in, and without any there is no plan."""
    if isinstance(plan, NoPlan) or not any(_touches(request, alone) for request in (*plan.requests, *plan.fallbacks)):
        return plan
    requests = tuple(request for request in plan.requests if not _touches(request, alone))
    fallbacks = tuple(request for request in plan.fallbacks if not _touches(request, alone))
    left_out = tuple(
        Alternative(request=request, because=f"people said to leave {name_of(request.target)} alone")
        for request in (*plan.requests, *plan.fallbacks)
        if _touches(request, alone)
    )
    alternatives = (*plan.alternatives, *left_out)
    if not requests and fallbacks:
        requests, fallbacks = fallbacks[:1], fallbacks[1:]
    if not requests:
        names = ", ".join(dict.fromkeys(name_of(item.request.target) for item in left_out))
        reason = f"people said to leave {names} alone, and nothing else would help"
        return NoPlan(reason=reason, alternatives=alternatives, follow_ups=plan.follow_ups)
    return plan.model_copy(update={"requests": requests, "fallbacks": fallbacks, "alternatives": alternatives})


def _touches(request: ActionRequest, alone: Collection[EntityId]) -> bool:
    return request.target in alone
