"""The courses of incidents, read in one query: for metrics, the weekly digest, and what runbooks were good for."""

from datetime import datetime

from sqlalchemy import text

from incidents.alert import Severity
from incidents.course import RECURS_WITHIN, Course
from incidents.incident import Phase
from incidents.verification import Outcome
from orchestrator.store.transaction import Tx

_COURSES = text(
    """
    WITH chosen AS (SELECT * FROM incident WHERE opened_at >= :since AND opened_at < :until),
         last_word AS (SELECT DISTINCT ON (d.incident_id) d.incident_id, d.verdict,
                              d.document -> 'hypotheses' -> 0 AS best
                       FROM diagnosis AS d JOIN chosen ON chosen.id = d.incident_id
                       ORDER BY d.incident_id, d.round DESC),
         first_word AS (SELECT d.incident_id, min((d.document ->> 'at')::timestamptz) AS at
                        FROM diagnosis AS d JOIN chosen ON chosen.id = d.incident_id
                        WHERE d.verdict <> 'inconclusive' GROUP BY d.incident_id),
         clicked AS (SELECT digest, min(at) AS first_at, max(at) AS last_at FROM decision GROUP BY digest),
         asked AS (SELECT p.incident_id, min(p.created_at) AS proposed, min(c.first_at) AS answered,
                          sum(CASE WHEN p.document -> 'body' -> 'policy' ->> 'effect' <> 'ask' THEN 0
                                   ELSE extract(epoch FROM coalesce(
                                       c.last_at, CASE WHEN p.status = 'pending' THEN least(:now, p.expires_at)
                                                       WHEN p.status IN ('expired', 'superseded') THEN p.decided_at
                                                  END, p.created_at) - p.created_at) END) AS waited
                   FROM proposal AS p JOIN chosen ON chosen.id = p.incident_id
                   LEFT JOIN clicked AS c ON c.digest = p.digest GROUP BY p.incident_id),
         judged AS (SELECT DISTINCT ON (v.incident_id) v.incident_id, v.outcome
                    FROM verification AS v JOIN chosen ON chosen.id = v.incident_id
                    ORDER BY v.incident_id, v.document ->> 'ended_at' DESC),
         looked AS (SELECT s.incident_id, sum(s.probes) AS probes
                    FROM survey AS s JOIN chosen ON chosen.id = s.incident_id GROUP BY s.incident_id)
    SELECT i.id, i.title, i.severity, i.phase, i.cluster, i.started_at, i.opened_at, i.closed_at,
           first_word.at AS diagnosed, asked.proposed, asked.answered, coalesce(asked.waited, 0) AS waited,
           judged.outcome, coalesce(looked.probes, 0) AS probes,
           CASE WHEN last_word.verdict <> 'inconclusive' THEN last_word.best END AS best
    FROM chosen AS i
    LEFT JOIN last_word ON last_word.incident_id = i.id
    LEFT JOIN first_word ON first_word.incident_id = i.id
    LEFT JOIN asked ON asked.incident_id = i.id
    LEFT JOIN judged ON judged.incident_id = i.id
    LEFT JOIN looked ON looked.incident_id = i.id
    ORDER BY i.opened_at
    """
)


async def courses(tx: Tx, *, since: datetime, until: datetime) -> tuple[Course, ...]:
    """Of incidents noticed in [since, until), and of those before that tell what recurred; oldest first."""
    rows = await tx.execute(_COURSES, {"since": since - RECURS_WITHIN, "until": until, "now": tx.clock.now()})
    found = []
    for row in rows:
        best = row.best or {}
        onset = datetime.fromisoformat(best["onset"]) if best.get("onset") else row.started_at
        found.append(
            Course(
                incident=row.id,
                title=row.title,
                severity=Severity(row.severity),
                phase=Phase(row.phase),
                cluster=row.cluster,
                began=min(onset, row.started_at),
                alerted=row.started_at,
                noticed=row.opened_at,
                diagnosed=row.diagnosed,
                proposed=row.proposed,
                answered=row.answered,
                ended=row.closed_at,
                waited=max(0.0, float(row.waited)),
                observations=int(row.probes),
                cause=best.get("cause"),
                cause_title=best.get("title", ""),
                entity=best.get("entity"),
                outcome=Outcome(row.outcome) if row.outcome else None,
            )
        )
    return tuple(found)
