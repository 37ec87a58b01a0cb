"""Proposals whose steps can become narrower, and wishes about them, for tests and for hypothesis."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from incidents.action import ActionRequest, BlastRadius, Fence, Preview, Reversibility, Snapshot
from incidents.bound import Narrowable, Order, Unit, bounds_of
from incidents.canonical import digest_of
from incidents.ids import ActionKind, EntityId
from incidents.narrowing import Narrower, StepWish, Wanted
from incidents.proposal import ProposalBody, ProposedAction
from incidents.quantity import parse_quantity
from incidents.stricter import CheckWish
from incidents.value import Scalar
from incidents.verification import CheckRole, Comparison
from tests.incidents.making import CHECKOUT, NOW, check, proposal

MEBIBYTE = 2**20
REPLICAS = {"replicas": Narrowable(order=Order.BETWEEN, unit=Unit.COUNT, present="replicas")}
MEMORY = {
    name: Narrowable(order=Order.BETWEEN, unit=Unit.BYTES, present=f"before.{name}", optional=True)
    for name in ("memory_limit", "memory_request")
}
SILENCE = {"duration_minutes": Narrowable(order=Order.AT_MOST, unit=Unit.MINUTES)}
SYNC = {"objects": Narrowable(order=Order.PART_OF, unit=Unit.NAMES)}
DECLARED = {"scale_workload": REPLICAS, "set_resources": MEMORY, "silence_alert": SILENCE, "argocd_sync": SYNC}


def step(
    kind: str, *, target: str = CHECKOUT, state: object = None, summary: str = "", **arguments: Scalar
) -> ProposedAction:
    """A proposed action of the catalogue's kind, with the bounds that its declaration gives."""
    entity, captured = EntityId(target), json.dumps(state or {})
    fence = Fence(uid=f"uid-{target}", generation=7, content=digest_of(captured.encode()))
    return ProposedAction(
        request=ActionRequest(kind=ActionKind(kind), target=entity, arguments=arguments),
        summary=summary or f"{kind} {target.rsplit('/', 1)[-1]}",
        fence=fence,
        snapshot=Snapshot(target=entity, taken_at=NOW, fence=fence, state=captured),
        preview=Preview(accepted=True, by="server-side dry-run", diff=()),
        blast_radius=BlastRadius(workloads=(entity,), pods=1),
        reversibility=Reversibility.EXACT,
        undo="put it back",
        bounds=bounds_of(DECLARED.get(kind, {}), arguments, captured=captured),
    )


def scale(now: int = 4, to: int = 12, *, target: str = CHECKOUT) -> ProposedAction:
    """`Scale checkout from 4 to 12`."""
    name = target.rsplit("/", 1)[-1]
    said = f"Scale {name} from {now} to {to}"
    return step("scale_workload", target=target, state={"replicas": now}, summary=said, replicas=to)


def memory(now: str | None = "512Mi", to: str = "2Gi", **more: Scalar) -> ProposedAction:
    """`Set memory limit 512Mi -> 2Gi`."""
    state = {"before": {"memory_limit": now, "memory_request": "256Mi"} if now else {}}
    return step("set_resources", state=state, container="app", memory_limit=to, **more)


def body(*actions: ProposedAction, **changes: Any) -> ProposalBody:
    """What a proposal of these actions is about."""
    return proposal(actions=actions or (scale(),)).body.model_copy(update=changes)


def becoming(before: ProposalBody, narrower: Narrower) -> ProposalBody:
    """The body as it would be sealed when everything is as it was: previews and bounds follow the requests."""
    rest, actions = list(before.actions), []
    for request in narrower.requests:
        old = next(one for one in rest if (one.request.kind, one.request.target) == (request.kind, request.target))
        rest = rest[rest.index(old) + 1 :]
        bounds = bounds_of(DECLARED.get(request.kind, {}), request.arguments, captured=old.snapshot.state)
        actions.append(old.model_copy(update={"request": request, "bounds": bounds}))
    return before.model_copy(
        update={
            "actions": tuple(actions),
            "checks": narrower.checks,
            "watch_seconds": narrower.watch_seconds,
            "expires_at": narrower.expires_at,
        }
    )


names = st.sampled_from([f"prod-eu/shop/deployment/{name}" for name in ("checkout", "cart", "web")])


@st.composite
def steps(draw: st.DrawFn) -> ProposedAction:
    """Any action, narrowable or not."""
    kind = draw(st.sampled_from([*DECLARED, "rollback_workload"]))
    target = draw(names)
    match kind:
        case "scale_workload":
            return scale(draw(st.integers(0, 30)), draw(st.integers(0, 30)), target=target)
        case "set_resources":
            said = {name: f"{draw(st.integers(16, 4096))}Mi" for name in MEMORY if draw(st.booleans())}
            state = {"before": {name: f"{draw(st.integers(16, 4096))}Mi" for name in MEMORY if draw(st.booleans())}}
            return step(kind, target=target, state=state, container="app", **said)
        case "silence_alert":
            return step(kind, target=target, alertname="High", duration_minutes=draw(st.integers(1, 240)))
        case "argocd_sync":
            return step(kind, target=target, objects=",".join(draw(st.lists(names, min_size=1, unique=True))))
        case _:
            return step(kind, target=target, to_revision=41)


checks = st.builds(
    check,
    st.sampled_from(CheckRole),
    entity=names,
    measure=st.sampled_from(["error_rate", "latency_p99", "alert_resolved", "workload_available"]),
    comparison=st.sampled_from(Comparison),
    threshold=st.integers(0, 100).map(lambda n: n / 100),
    baseline=st.none() | st.integers(0, 100).map(lambda n: n / 100),
    hold=st.integers(0, 600).map(lambda seconds: timedelta(seconds=seconds)),
)


@st.composite
def bodies(draw: st.DrawFn) -> ProposalBody:
    """Any proposal of one to four steps."""
    found = {(c.role, c.measure, c.entity): c for c in draw(st.lists(checks, max_size=4))}
    return body(
        *draw(st.lists(steps(), min_size=1, max_size=4)),
        checks=tuple(found.values()),
        watch_seconds=draw(st.integers(60, 3600)),
        expires_at=NOW + timedelta(seconds=draw(st.integers(1, 1800))),
    )


values = (
    st.none()
    | st.integers(-5, 300)
    | st.integers(1, 5000).map(lambda n: f"{n}Mi")
    | st.lists(names, max_size=3).map(",".join)
    | st.text(max_size=8)
    | st.booleans()
)
arguments = st.dictionaries(
    st.sampled_from(["replicas", *MEMORY, "duration_minutes", "objects", "to_revision", "container", "alertname", "x"]),
    values,
    max_size=3,
)
wishes: st.SearchStrategy[Wanted] = st.builds(
    Wanted,
    steps=st.none() | st.lists(st.integers(1, 4), max_size=4).map(tuple),
    arguments=st.lists(st.builds(StepWish, step=st.integers(1, 4), arguments=arguments), max_size=2).map(tuple),
    checks=st.lists(
        st.builds(
            CheckWish,
            check=st.integers(1, 4),
            threshold=st.none() | st.integers(0, 100).map(lambda n: n / 100),
            hold_seconds=st.none() | st.integers(0, 600),
        ),
        max_size=2,
    ).map(tuple),
    watch_seconds=st.none() | st.integers(0, 20000),
    expires_at=st.none() | st.integers(0, 2000).map(lambda seconds: NOW + timedelta(seconds=seconds)),
)


def one_of_each(draw: st.DrawFn, before: ProposalBody) -> Wanted:
    """A wish that has a good chance: within the bounds of the proposal."""
    found = []
    for number, action in enumerate(before.actions, start=1):
        said: dict[str, Scalar | None] = {}
        for bound in action.bounds:
            said[bound.argument] = draw(inside(bound.order, bound.unit, bound.present, bound.proposed))
        if said:
            found.append(StepWish(step=number, arguments=said))
    count = len(before.actions)
    kept = draw(st.lists(st.integers(1, count), min_size=1, max_size=count, unique=True))
    watch = before.watch_seconds + draw(st.integers(0, 600))
    return Wanted(steps=tuple(kept), arguments=tuple(found), watch_seconds=watch)


def inside(order: Order, unit: Unit, present: Scalar | None, proposed: Scalar) -> st.SearchStrategy[Scalar]:
    """Values between what is now and what is proposed, both ends included: one of them too many."""
    match order:
        case Order.BETWEEN:
            size = MEBIBYTE if unit is Unit.BYTES else 1
            low, high = sorted(int(parse_quantity(str(value))) // size for value in (present, proposed))
            numbers = st.integers(low, high)
            return numbers.map(lambda n: f"{n}Mi") if unit is Unit.BYTES else numbers.map(lambda n: n)
        case Order.AT_MOST:
            return st.integers(1, int(str(proposed)))
        case Order.PART_OF:
            return st.lists(st.sampled_from(str(proposed).split(",")), min_size=1, unique=True).map(",".join)


@st.composite
def likely(draw: st.DrawFn) -> tuple[ProposalBody, Wanted]:
    """A proposal with time left, and a wish that is often narrower."""
    before = draw(bodies()).model_copy(update={"expires_at": NOW + timedelta(seconds=900)})
    return before, one_of_each(draw, before)
