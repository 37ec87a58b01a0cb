"""The metrics of one episode. Each is left out where it says nothing: healing where nothing was broken, and so on."""

from collections.abc import Sequence

from evals.harness.investigation import Investigated
from evals.harness.truth import Known, same
from incidents.proposal import Alternative

Metrics = dict[str, float]
TOP = 3


def scores(*, truth: Known, found: Investigated, healed: bool | None, harmed: bool) -> Metrics:
    """All metrics of one case."""
    metrics: Metrics = {"right": float(truth.right(found.diagnosis, found.case.topology))}
    if truth.causes:
        metrics |= _ranking(truth, found)
    elif truth.healthy:
        metrics["quiet"] = float(not found.diagnosis.leading)
    else:
        metrics["abstained"] = float(not found.diagnosis.leading)
    if healed is not None:
        metrics["healed"] = float(healed)
    metrics["harmed"] = float(harmed)
    metrics["cited"] = float(_cited(found))
    if (brier := _brier(truth, found)) is not None:
        metrics["brier"] = brier
    return metrics


def handled(truth: Known, *, ending: str, put_aside: Sequence[Alternative]) -> Metrics:
    """Whether a rehearsal caught what it had to, and whether it ended as it had to, where that is the point."""
    metrics: Metrics = {}
    if truth.caught:
        kinds = {one.request.kind for one in put_aside}
        metrics["caught"] = float(kinds.issuperset(truth.caught))
    if truth.ends:
        metrics["ended"] = float(ending == truth.ends)
    return metrics


def _ranking(truth: Known, found: Investigated) -> Metrics:
    """AC@k as RCAEval defines it, cause and entity together and apart, and ITBench's score of what was claimed."""
    topology, ranked = found.case.topology, found.diagnosis.hypotheses
    hits = [truth.hit(hypothesis, topology) for hypothesis in ranked]
    first = ranked[0] if ranked else None
    return {
        "AC@1": float(bool(hits[:1] and hits[0])),
        "AC@3": len({hit.entity + hit.cause for hit in hits[:TOP] if hit}) / min(TOP, len(truth.causes)),
        "cause@1": float(first is not None and any(first.cause == one.cause for one in truth.causes)),
        "entity@1": float(first is not None and any(same(first.entity, one.entity, topology) for one in truth.causes)),
        "itbench": _itbench(truth, found),
    }


def _itbench(truth: Known, found: Investigated) -> float:
    """0 when a cause is missed, else the share of what was claimed that is true (ITBench, 2025)."""
    leading = found.diagnosis.leading
    hits = [truth.hit(hypothesis, found.case.topology) for hypothesis in leading]
    if not leading or not all(one in hits for one in truth.causes):
        return 0.0
    return sum(hit is not None for hit in hits) / len(leading)


def _cited(found: Investigated) -> bool:
    """Whether all evidence and facts that the leading arguments cite are in the case file."""
    evidence = {item.id for item in found.case.evidence}
    facts = {item.id for item in found.case.facts}
    points = [p for h in found.diagnosis.leading for p in (*h.speaks_for, *h.speaks_against)]
    return all(evidence.issuperset(point.evidence) and facts.issuperset(point.facts) for point in points)


def _brier(truth: Known, found: Investigated) -> float | None:
    """Squared error of the first hypothesis' probability (Brier 1950); None when nothing was suspected."""
    if not found.diagnosis.hypotheses:
        return None
    first = found.diagnosis.hypotheses[0]
    return (first.probability - float(truth.hit(first, found.case.topology) is not None)) ** 2
