"""Whether an autoscaler leaves the number of pods alone. Pure.

It puts whatever lies outside its bounds back at once, and what lies inside it changes by its metric.
"""

from incidents.prediction import Obstacle
from orchestrator.twin.obstacles.looked import Looked
from orchestrator.twin.trial import Trial


def look(trial: Trial) -> Looked:
    """Of a change of the number of pods only."""
    scaler = trial.around.autoscaler
    if scaler is None or trial.wanted in {trial.replicas, 0}:
        return Looked()
    evidence = (trial.around.evidence["autoscaler"],)
    if not scaler.minimum <= trial.wanted <= scaler.maximum:
        bounds = f"{scaler.minimum} to {scaler.maximum}"
        text = f"autoscaler {scaler.meta.name} allows {bounds} pods and would put {trial.wanted} back"
        most = scaler.maximum if trial.wanted > scaler.maximum else None
        return Looked(obstacles=(Obstacle(what="autoscaler", text=text, most=most),), evidence=evidence)
    unsure = f"how soon autoscaler {scaler.meta.name} changes the number of pods again"
    return Looked(not_foreseen=(unsure,), evidence=evidence)
