"""Where alerts belong: by Alertmanager's group, by what they are about, by neighbourhood, and by time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.alert import Alert, AlertStatus
from incidents.correlation import (
    ENTITY_WINDOW,
    GROUP_WINDOW,
    NEIGHBOUR_WINDOW,
    REFIRE_AFTER,
    Among,
    Arrival,
    Arriving,
    Ignored,
    Joined,
    Opened,
    OpenIncident,
    Seen,
    arrival_of,
    place,
    related,
)
from incidents.ids import EntityId, Fingerprint, IncidentId
from incidents.incident import CLOSED, JoinReason, Phase
from incidents.topology import Edge, Relation, Topology
from tests.incidents.making import CHECKOUT, NOW, alert

CART, DB = EntityId("prod-eu/shop/deployment/cart"), EntityId("prod-eu/shop/statefulset/db")
SERVICE = EntityId("prod-eu/shop/service/checkout")
POD, NODE = EntityId("prod-eu/shop/pod/checkout-1"), EntityId("prod-eu/-/node/worker-1")
TOPOLOGY = Topology.of(
    [
        Edge(source=CHECKOUT, relation=Relation.CALLS, target=DB),
        Edge(source=CHECKOUT, relation=Relation.OWNS, target=POD),
        Edge(source=POD, relation=Relation.RUNS_ON, target=NODE),
    ]
)
MICROSECOND = timedelta(microseconds=1)


def arriving(
    entity: EntityId | None = CHECKOUT,
    *,
    of: Alert | None = None,
    group: str = "{}:{a}",
    cluster: str = "prod-eu",
    labels: dict[str, str] | None = None,
) -> Arriving:
    return Arriving(
        alert=of or alert(),
        cluster=cluster,
        entity=entity,
        group_key=group,
        group_labels={"service": "checkout"} if labels is None else labels,
    )


def incident(
    name: str = "inc-1",
    *,
    entities: tuple[EntityId, ...] = (CHECKOUT,),
    groups: tuple[str, ...] = ("{}:{other}",),
    fingerprints: tuple[str, ...] = (),
    heard: datetime = NOW,
    phase: Phase = Phase.INVESTIGATING,
    cluster: str = "prod-eu",
) -> OpenIncident:
    return OpenIncident(
        id=IncidentId(name),
        cluster=cluster,
        phase=phase,
        entities=entities,
        groups=groups,
        fingerprints=frozenset(Fingerprint(f) for f in fingerprints),
        last_alert_at=heard,
    )


@pytest.mark.parametrize(
    ("what", "among", "reason"),
    [
        pytest.param(
            arriving(CART, group="g"),
            [incident(groups=("g",), entities=(DB,))],
            JoinReason.SAME_GROUP,
            id="one group belongs together",
        ),
        pytest.param(
            arriving(CART, group="g"),
            [incident(groups=("g",), entities=(DB,), heard=NOW - GROUP_WINDOW - MICROSECOND)],
            None,
            id="a group that was silent for too long is another",
        ),
        pytest.param(
            arriving(CART, group="{}:{}", labels={}),
            [incident(groups=("{}:{}",), entities=(DB,))],
            None,
            id="the group of everything says nothing",
        ),
        pytest.param(arriving(), [incident()], JoinReason.SAME_ENTITY, id="the same workload"),
        pytest.param(arriving(SERVICE), [incident()], JoinReason.SAME_ENTITY, id="the service of the same name"),
        pytest.param(
            arriving(),
            [incident(heard=NOW - ENTITY_WINDOW)],
            JoinReason.SAME_ENTITY,
            id="the same workload at the edge of the hour",
        ),
        pytest.param(
            arriving(),
            [incident(heard=NOW - ENTITY_WINDOW - MICROSECOND)],
            None,
            id="the same workload later opens another",
        ),
        pytest.param(
            arriving(EntityId("prod-eu/-/namespace/shop")),
            [incident(entities=(EntityId("prod-eu/-/namespace/shop"),))],
            None,
            id="a whole namespace is too wide",
        ),
        pytest.param(
            arriving(EntityId("prod-eu/other/deployment/checkout")),
            [incident()],
            None,
            id="the same name in another namespace is another thing",
        ),
        pytest.param(arriving(DB), [incident()], JoinReason.NEIGHBOUR, id="what it calls"),
        pytest.param(arriving(CHECKOUT), [incident(entities=(DB,))], JoinReason.NEIGHBOUR, id="what calls it"),
        pytest.param(arriving(NODE), [incident()], JoinReason.NEIGHBOUR, id="the node it runs on"),
        pytest.param(arriving(POD), [incident()], JoinReason.NEIGHBOUR, id="its own pod"),
        pytest.param(
            arriving(DB), [incident(heard=NOW - NEIGHBOUR_WINDOW - MICROSECOND)], None, id="a neighbour too late"
        ),
        pytest.param(arriving(CART), [incident()], None, id="a stranger in the same namespace"),
        pytest.param(
            arriving(None, of=alert(fingerprint="ff"), group="x"),
            [incident(fingerprints=("ff",))],
            JoinReason.SAME_ALERT,
            id="the same labels fire again",
        ),
        pytest.param(arriving(), [incident(cluster="prod-us")], None, id="another cluster is another incident"),
        pytest.param(arriving(), [incident(phase=Phase.VERIFIED)], None, id="closed takes nothing more"),
        pytest.param(
            arriving(),
            [incident(phase=Phase.VERIFYING)],
            JoinReason.SAME_ENTITY,
            id="an incident under verification still takes its alerts",
        ),
        pytest.param(arriving(), [], None, id="nothing is open"),
    ],
)
def test_places(what: Arriving, among: list[OpenIncident], reason: JoinReason | None) -> None:
    found = place(what, among=among, topology=TOPOLOGY, now=NOW)
    assert (found.reason if isinstance(found, Joined) else None) is reason
    assert found.because


def test_of_several_that_fit_the_last_heard_of_wins() -> None:
    among = [
        incident("inc-old", heard=NOW - timedelta(minutes=30)),
        incident("inc-new"),
        incident("inc-older", heard=NOW - timedelta(minutes=40)),
    ]
    found = place(arriving(), among=among, topology=TOPOLOGY, now=NOW)
    assert isinstance(found, Joined)
    assert found.incident == "inc-new"


def test_the_same_thing_beats_a_group_of_others() -> None:
    among = [
        incident("inc-group", groups=("g",), entities=(CART,)),
        incident("inc-entity", heard=NOW - timedelta(minutes=1)),
    ]
    found = place(arriving(group="g"), among=among, topology=TOPOLOGY, now=NOW)
    assert isinstance(found, Joined)
    assert found.incident == "inc-entity"


@pytest.mark.parametrize("name", ["Watchdog", "InfoInhibitor"])
def test_heartbeats_never_open_or_join(name: str) -> None:
    assert isinstance(place(arriving(of=alert(name)), among=[incident()], topology=TOPOLOGY, now=NOW), Ignored)


def test_what_was_resolved_before_it_was_seen_firing_opens_nothing() -> None:
    late = arriving(CART, of=alert(status=AlertStatus.RESOLVED))
    assert isinstance(place(late, among=[incident()], topology=Topology(), now=NOW), Ignored)


@pytest.mark.parametrize(
    ("status", "seen", "later", "arrival"),
    [
        pytest.param(AlertStatus.FIRING, None, 0, Arrival.NEW, id="never seen"),
        pytest.param(AlertStatus.RESOLVED, None, 0, Arrival.NEW, id="never seen firing"),
        pytest.param(AlertStatus.FIRING, AlertStatus.FIRING, 99999, Arrival.REPEAT, id="a repeat however late"),
        pytest.param(AlertStatus.RESOLVED, AlertStatus.RESOLVED, 0, Arrival.REPEAT, id="a resolution retried"),
        pytest.param(AlertStatus.RESOLVED, AlertStatus.FIRING, 0, Arrival.RESOLVES, id="it resolves"),
        pytest.param(AlertStatus.FIRING, AlertStatus.RESOLVED, 1, Arrival.LATE, id="overtaken by its own resolution"),
        pytest.param(
            AlertStatus.FIRING,
            AlertStatus.RESOLVED,
            REFIRE_AFTER.total_seconds() + 1,
            Arrival.FIRES_AGAIN,
            id="fires again with its old start",
        ),
    ],
)
def test_what_arrives(status: AlertStatus, seen: AlertStatus | None, later: float, arrival: Arrival) -> None:
    known = None if seen is None else Seen(status=seen, changed_at=NOW)
    assert arrival_of(alert(status=status), seen=known, now=NOW + timedelta(seconds=later)) is arrival


ENTITIES = st.sampled_from([CHECKOUT, SERVICE, CART, DB, POD, NODE, None])
INCIDENTS = st.lists(
    st.builds(
        incident,
        st.sampled_from(["inc-1", "inc-2", "inc-3"]),
        entities=st.lists(st.sampled_from([CHECKOUT, CART, DB, NODE]), min_size=1, max_size=2).map(tuple),
        groups=st.sampled_from([("g",), ("h",)]),
        heard=st.integers(-36000, 0).map(lambda seconds: NOW + timedelta(seconds=seconds)),
        phase=st.sampled_from(sorted(Phase)),
        cluster=st.sampled_from(["prod-eu", "prod-us"]),
    ),
    max_size=4,
    unique_by=lambda i: i.id,
)


@given(ENTITIES, INCIDENTS, st.sampled_from(["g", "h", "i"]), st.randoms())
def test_the_place_depends_on_nothing_but_what_is_asked(
    entity: EntityId | None, among: list[OpenIncident], group: str, random: object
) -> None:
    """Order of the incidents does not matter; nobody joins a closed incident or another cluster's."""
    what = arriving(entity, group=group)
    found = place(what, among=among, topology=TOPOLOGY, now=NOW)
    shuffled = list(among)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert place(what, among=shuffled, topology=TOPOLOGY, now=NOW) == found
    if isinstance(found, Joined):
        target = next(i for i in among if i.id == found.incident)
        assert target.phase not in CLOSED
        assert target.cluster == what.cluster
        assert NOW - target.last_alert_at <= GROUP_WINDOW
    else:
        assert isinstance(found, Opened)


@given(ENTITIES.filter(bool), ENTITIES.filter(bool))
def test_being_related_goes_both_ways(one: EntityId, other: EntityId) -> None:
    assert bool(related(one, other, topology=TOPOLOGY)) == bool(related(other, one, topology=TOPOLOGY))


def test_services_are_related_by_the_workloads_behind_them() -> None:
    checkout, db = EntityId("prod-eu/shop/service/pay"), EntityId("prod-eu/shop/service/store")
    assert related(checkout, db, topology=TOPOLOGY) is None
    selecting = [
        Edge(source=checkout, relation=Relation.SELECTS, target=CHECKOUT),
        Edge(source=db, relation=Relation.SELECTS, target=DB),
    ]
    assert related(checkout, db, topology=TOPOLOGY + Topology.of(selecting)) == "calls"


THINGS = st.sampled_from([CHECKOUT, SERVICE, CART, DB, POD, NODE])
BEST_FIRST = [JoinReason.SAME_ALERT, JoinReason.SAME_ENTITY, JoinReason.SAME_GROUP, JoinReason.NEIGHBOUR]


@st.composite
def incidents(draw: st.DrawFn) -> OpenIncident:
    return incident(
        f"inc-{draw(st.integers(0, 9))}",
        entities=tuple(draw(st.lists(THINGS, max_size=3, unique=True))),
        groups=tuple(draw(st.lists(st.sampled_from(["g", "h"]), max_size=2, unique=True))),
        fingerprints=tuple(draw(st.lists(st.sampled_from([alert().fingerprint, "b" * 16]), max_size=2, unique=True))),
        heard=NOW - timedelta(minutes=draw(st.sampled_from([0, 10, 40, 90, 400]))),
        phase=draw(st.sampled_from([Phase.INVESTIGATING, *CLOSED])),
        cluster=draw(st.sampled_from(["prod-eu", "prod-us"])),
    )


@given(st.lists(incidents(), max_size=6, unique_by=lambda i: i.id), THINGS | st.none())
def test_among_many_it_is_as_if_each_had_been_asked_alone(many: list[OpenIncident], entity: EntityId | None) -> None:
    asked = arriving(entity, group="g")
    alone = [(place(asked, among=[one], topology=TOPOLOGY, now=NOW), one) for one in many]
    fitting = [(found, one) for found, one in alone if isinstance(found, Joined)]
    found = place(asked, among=many, topology=TOPOLOGY, now=NOW)
    if not fitting:
        assert isinstance(found, Opened)
        return
    reason = min((f.reason for f, _ in fitting), key=BEST_FIRST.index)
    latest = max((one for f, one in fitting if f.reason is reason), key=lambda one: (one.last_alert_at, one.id))
    assert isinstance(found, Joined)
    assert (found.reason, found.incident) == (reason, latest.id)


@given(st.lists(THINGS, min_size=1, max_size=6), THINGS)
def test_an_incident_that_grew_is_found_as_one_that_came_so(entities: list[EntityId], entity: EntityId) -> None:
    grown = Among((), topology=TOPOLOGY)
    for number in range(len(entities)):
        grown.put(incident("inc-a", entities=tuple(entities[: number + 1]), groups=tuple("abcdef"[: number + 1])))
    whole = tuple(grown)
    for group in ("a", "f"):
        asked = arriving(entity, group=group)
        assert grown.place(asked, now=NOW) == place(asked, among=whole, topology=TOPOLOGY, now=NOW)
