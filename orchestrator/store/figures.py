"""Sums over everything that is stored, for metrics: the same on every replica, and still right after a restart."""

from sqlalchemy import text

from incidents.value import Value
from orchestrator.store.transaction import Tx


class Duration(Value):
    """How long something took: how often it was seen, and the seconds in all."""

    name: str
    count: int
    seconds: float


class Figures(Value):
    """What is counted. Each count is by its label."""

    alerts: dict[str, int]
    """By status."""
    deliveries: int
    """Notifications taken in, repeats included."""
    rejected: int
    """Alerts that could not be read."""
    decisions: dict[str, int]
    """By choice."""
    refusals: dict[str, int]
    """Clicks that did not count, by reason."""
    executions: dict[str, int]
    """Actions (not their undos) by status."""
    outcomes: dict[str, int]
    """Verifications by outcome."""
    durations: tuple[Duration, ...]


_COUNTS = {
    "alerts": "SELECT status, count(*) FROM alert GROUP BY status",
    "decisions": "SELECT choice, count(*) FROM decision GROUP BY choice",
    "refusals": "SELECT refusal, count(*) FROM decision_refusal GROUP BY refusal",
    "executions": "SELECT status, count(*) FROM execution WHERE NOT undo GROUP BY status",
    "outcomes": "SELECT outcome, count(*) FROM verification GROUP BY outcome",
}
_DURATIONS = """
WITH first_proposal AS (SELECT incident_id, min(created_at) AS at FROM proposal GROUP BY incident_id),
     first_verdict AS (SELECT incident_id, min((document ->> 'ended_at')::timestamptz) AS at
                       FROM verification WHERE outcome = 'verified' GROUP BY incident_id),
     spans AS (
        SELECT 'alert_to_proposal' AS name, extract(epoch FROM p.at - i.opened_at) AS seconds
        FROM incident AS i JOIN first_proposal AS p ON p.incident_id = i.id
        UNION ALL
        SELECT 'proposal_to_decision', extract(epoch FROM d.at - p.created_at)
        FROM decision AS d JOIN proposal AS p ON p.digest = d.digest
        UNION ALL
        SELECT 'alert_to_verified', extract(epoch FROM v.at - i.opened_at)
        FROM incident AS i JOIN first_verdict AS v ON v.incident_id = i.id)
SELECT name, count(*) AS count, sum(greatest(seconds, 0)) AS seconds FROM spans GROUP BY name ORDER BY name
"""


async def figures(tx: Tx) -> Figures:
    """Count."""
    counts = {name: {row[0]: row[1] for row in await tx.execute(text(query))} for name, query in _COUNTS.items()}
    deliveries = (await tx.execute(text("SELECT coalesce(sum(times), 0) FROM delivery"))).scalar_one()
    rejected = (await tx.execute(text("SELECT count(*) FROM rejected_alert"))).scalar_one()
    spans = await tx.execute(text(_DURATIONS))
    return Figures(
        **counts,
        deliveries=int(deliveries),
        rejected=int(rejected),
        durations=tuple(Duration(name=name, count=count, seconds=float(seconds)) for name, count, seconds in spans),
    )
