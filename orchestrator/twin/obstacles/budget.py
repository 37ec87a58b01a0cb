"""Whether a disruption budget, or the room on other nodes, stands against taking pods away. Pure."""

from incidents.entity import EntityKind
from incidents.prediction import Foreseen, Obstacle
from orchestrator.twin.obstacles.looked import Looked
from orchestrator.twin.trial import Trial
from tools.kubernetes.node import Room


def look(trial: Trial) -> Looked:
    """A pod that is deleted, a node that is closed."""
    match trial.kind:
        case EntityKind.POD:
            return _pod(trial)
        case EntityKind.NODE if trial.request.kind.startswith("cordon"):
            return _closed(trial)
        case _:
            return Looked()


def _pod(trial: Trial) -> Looked:
    if not trial.around.budgets:
        return Looked()
    evidence = (trial.around.evidence["budgets"],)
    tight = [budget for budget in trial.around.budgets if budget.allowed <= 0]
    if not tight:
        return Looked(built_from=("its disruption budget allows another pod to go",), evidence=evidence)
    one = tight[0]
    healthy = f"{one.healthy} of {one.desired_healthy} needed ones are healthy"
    text = f"disruption budget {one.meta.name} lets no pod go: {healthy}"
    return Looked(obstacles=(Obstacle(what="budget", text=text),), evidence=evidence)


def _closed(trial: Trial) -> Looked:
    """How much room is left elsewhere for the pods of a node that takes no new ones, should they have to go."""
    nodes = trial.around.nodes
    own = next((node for node in nodes or () if node.meta.entity == trial.request.target), None)
    if nodes is None or own is None or any(node.requested is None for node in nodes):
        return Looked(not_foreseen=("whether other nodes have room for its pods: they were not seen",))
    others = [node for node in nodes if node is not own and node.ready and not node.unschedulable]
    needed = (own.requested or Room()).cpu
    free = sum(max(0.0, node.allocatable.cpu - (node.requested or Room()).cpu) for node in others)
    left = Foreseen(measure="free cores on other nodes", unit="cores", before=free, after=max(0.0, free - needed))
    text = f"its pods request {needed:.3g} cores, {len(others)} other nodes have {free:.3g} left"
    unsure = (
        ()
        if free >= needed
        else (
            f"where its pods go if they have to leave: they request {needed:.3g} cores, elsewhere {free:.3g} are free",
        )
    )
    return Looked(figures=(left,), built_from=(text,), not_foreseen=unsure, evidence=(trial.around.evidence["nodes"],))
