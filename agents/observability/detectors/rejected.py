"""Workloads that reject far more of their requests than before: they are asked for what they do not have."""

from collections.abc import Iterable
from re import compile as pattern

from agents.detector import Detector, Scene, Sightings
from agents.observability.shift import find_shift, share
from agents.reporting import state
from agents.wording import percent, since
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.prometheus.curve import Curve, rounded
from tools.prometheus.probes.red import RedView

REJECTED = FactSpec(
    kind=FactKind("requests.rejected"),
    role=FactRole.SYMPTOM,
    meaning="A workload answers a far larger share of its requests with 4xx than before.",
    attributes={
        "rate": "share that is rejected since, 0..1",
        "baseline": "share before, 0..1",
        "code": "the status code that most of them have",
    },
)
REJECTING = pattern("4[0-9][0-9]")
LEAST = 0.1
"""One request in ten more: bots and expired sessions make a few per cent by themselves."""
TIMES = 3.0
NOISE = share(0.15, at_least=0.005)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload."""
    for seen in sightings.of(RedView):
        curve = _share(seen.view)
        shift = find_shift(curve, floor=NOISE) if curve else None
        if shift is None or shift.after < max(shift.before + LEAST, TIMES * shift.before):
            continue
        code = _most(seen.view)
        yield state(
            REJECTED,
            entity=seen.view.entity,
            text=f"{percent(shift.after)} of requests to {name_of(seen.view.entity)} are answered with {code}"
            f"{since(shift.at, until=shift.until, now=scene.now)} ({percent(shift.before)} before)",
            seen=[seen],
            at=shift.at,
            until=shift.until,
            detector=DETECTOR.name,
            rate=round(shift.after, 4),
            baseline=round(shift.before, 4),
            code=code,
        )


def _share(view: RedView) -> Curve | None:
    """Rejected requests by all, 0..1."""
    rejecting = [curve for code, curve in view.codes.items() if REJECTING.fullmatch(code)]
    if not rejecting or view.traffic is None:
        return None
    columns = zip(view.traffic.values, *(curve.values for curve in rejecting), strict=True)
    values = tuple(rounded(sum(one or 0.0 for one in rest) / total) if total else None for total, *rest in columns)
    return view.traffic.model_copy(update={"values": values})


def _most(view: RedView) -> str:
    """The code of most rejections now."""
    last = {code: curve.last or 0.0 for code, curve in view.codes.items() if REJECTING.fullmatch(code)}
    return max(sorted(last), key=last.__getitem__)


DETECTOR = Detector(name="observability.rejected", emits=(REJECTED,), needs=(RedView,), detect=detect)
