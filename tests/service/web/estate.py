"""What the agents saw in the reference incident: evidence, facts, findings, questions and topology, as values."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from incidents.casefile import Report
from incidents.evidence import Evidence, Source, Window
from incidents.fact import Fact, FactRole, fact_id
from incidents.finding import AgentName, Finding, Gap, Question, RuledOut, Topic
from incidents.ids import EntityId, FactKind, FindingId, QuestionId
from incidents.topology import Edge, Relation, Topology
from tools.prometheus.convention import ConventionName, RequestMetrics
from tools.prometheus.curve import Curve
from tools.prometheus.probes.red import RedView

DEPLOYED = datetime(2026, 11, 17, 2, 33, 10, tzinfo=UTC)
ONSET = datetime(2026, 11, 17, 2, 35, tzinfo=UTC)
NOW = datetime(2026, 11, 17, 2, 47, 4, tzinfo=UTC)
CLUSTER = "prod-eu"
NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)>"
"""What an alert's label or a log line may hold."""


def deployment(name: str) -> EntityId:
    return EntityId(f"{CLUSTER}/shop/deployment/{name}")


CHECKOUT, WEB, MOBILE, CART = (deployment(name) for name in ("checkout", "web", "mobile-api", "cart"))
PAYMENTS, INVENTORY, EMAIL = (deployment(name) for name in ("payments", "inventory", "email"))
DATABASE = EntityId(f"{CLUSTER}/shop/statefulset/orders-db")


def red(entity: EntityId, *, peak: float, since: datetime, p99: float, until: datetime = NOW) -> RedView:
    """Requests of the last hour: a share of `peak` fails since then, p99 rises to that many seconds."""
    start, step, rps = until - timedelta(hours=1), 30.0, 73.0
    count = 121
    times = [start + timedelta(seconds=index * step) for index in range(count)]
    wobble = [((index * 7919) % 17) / 17 - 0.5 for index in range(count)]
    ramp = [min(1.0, max(0.0, (at - since).total_seconds() / 150)) for at in times]
    failed = tuple(round(rps * max(0.0007, peak * r * (1 + 0.18 * w)), 5) for r, w in zip(ramp, wobble, strict=True))
    good = tuple(round(rps - bad + w, 5) for bad, w in zip(failed, wobble, strict=True))
    slow = tuple(round(0.24 + (p99 - 0.24) * r + 0.012 * w, 5) for r, w in zip(ramp, wobble, strict=True))
    return RedView(
        entity=entity,
        metrics=RequestMetrics(
            convention=ConventionName.CLASSIC,
            selector='namespace="shop",service="checkout"',
            label="service",
            code_label="code",
            interval=15.0,
        ),
        codes={
            "200": Curve(start=start, step=step, values=good),
            "503": Curve(start=start, step=step, values=failed),
        },
        p99=Curve(start=start, step=step, values=slow),
    )


def seen(
    probe: str, source: Source, query: str, body: object, *, title: str, at: datetime = NOW, link: str | None = None
) -> Evidence:
    return Evidence.of(
        probe=probe,
        source=source,
        query=query,
        observed_at=at,
        body=body if isinstance(body, str) else json.dumps(body),
        window=Window(start=at - timedelta(hours=1), end=at) if source is Source.PROMETHEUS else None,
        entities=(CHECKOUT,),
        title=title,
        link=link,
    )


PODS = seen(
    "kubernetes.pods",
    Source.KUBERNETES,
    "GET /api/v1/namespaces/shop/pods?labelSelector=app%3Dcheckout&limit=500",
    {
        "pods": [
            {"name": f"checkout-7c9f-{n}", "restarts": 5, "last": {"reason": "OOMKilled", "code": 137}} for n in "ab"
        ]
    },
    title="pods of checkout",
    at=NOW + timedelta(seconds=1),
)
REVISIONS = seen(
    "kubernetes.revisions",
    Source.KUBERNETES,
    "GET /apis/apps/v1/namespaces/shop/replicasets?labelSelector=app%3Dcheckout",
    {"revisions": [{"revision": 42, "memory": "256Mi"}, {"revision": 41, "memory": "512Mi"}]},
    title="rollout history of checkout",
    at=NOW + timedelta(seconds=2),
)
COMMIT = seen(
    "github.compare",
    Source.GITHUB,
    "GET /repos/shop/checkout/compare/3d1e0aa...8f2c1d7",
    {"files": [{"path": "deploy/values.yaml", "patch": f"- memory: 512Mi\n+ memory: 256Mi\n# {NASTY}"}]},
    title="8f2c1d7 against 3d1e0aa",
    at=NOW + timedelta(seconds=3),
    link="https://github.example.com/shop/checkout/compare/3d1e0aa...8f2c1d7",
)
USAGE = seen(
    "prometheus.usage",
    Source.PROMETHEUS,
    'max(container_memory_working_set_bytes{namespace="shop",pod=~"checkout-.*",container="app"})',
    {"peak": 356515840, "limit": 268435456},
    title="memory of checkout",
    at=NOW + timedelta(seconds=4),
    link="http://prometheus.example.com:9090/graph?g0.expr=container_memory_working_set_bytes",
)
REQUESTS = seen(
    "prometheus.red",
    Source.PROMETHEUS,
    'sum by (code) (rate(http_requests_total{namespace="shop",service="checkout"}[1m]))',
    red(CHECKOUT, peak=0.071, since=ONSET, p99=0.41).model_dump_json(exclude_defaults=True),
    title="requests, errors, latency of checkout",
    at=NOW + timedelta(seconds=2),
    link="http://prometheus.example.com:9090/graph?g0.expr=http_requests_total",
)
CALLERS = seen(
    "prometheus.service_graph",
    Source.PROMETHEUS,
    'sum by (client, server) (rate(traces_service_graph_request_failed_total{server="checkout"}[1m]))',
    {"calls": [{"client": "web", "failed": 0.06}, {"client": "mobile-api", "failed": 0.04}]},
    title="callers of checkout",
    at=NOW + timedelta(seconds=5),
)
COST = seen(
    "opencost.allocation",
    Source.OPENCOST,
    "GET /allocation/compute?window=1h&aggregate=deployment",
    {"checkout": {"usd_per_hour": 0.31}},
    title="cost of checkout",
    at=NOW + timedelta(seconds=3),
)


def fact(
    kind: str,
    role: FactRole,
    text: str,
    evidence: Evidence,
    *,
    entity: EntityId = CHECKOUT,
    at: datetime | None = None,
    **attributes: str | float | bool,
) -> Fact:
    return Fact(
        id=fact_id(kind=FactKind(kind), entity=entity, at=at, attributes=attributes),
        kind=FactKind(kind),
        role=role,
        entity=entity,
        at=at,
        text=text,
        attributes=attributes,
        evidence=(evidence.id,),
        detector=kind.replace(".", "_"),
    )


ERRORS = fact(
    "errors.elevated",
    FactRole.SYMPTOM,
    "checkout returns 5xx: 7.1 % of requests fail, about 310 a minute, since 02:35; before that 0.1 %",
    REQUESTS,
    at=ONSET,
    rate=0.071,
    baseline=0.001,
)
SLOW = fact(
    "latency.elevated", FactRole.SYMPTOM, "p99 of checkout rose from 240 ms to 410 ms since 02:36", REQUESTS, at=ONSET
)
RESTARTS = fact(
    "container.crash_loop", FactRole.SYMPTOM, "2 of 6 pods of checkout restart, 9 times since 02:35", PODS, at=ONSET
)
OOM = fact(
    "container.oom_killed",
    FactRole.MECHANISM,
    "2 of 6 containers of checkout OOMKilled at 256Mi, 9 times since 02:35",
    PODS,
    at=ONSET + timedelta(seconds=20),
    limit_bytes=268435456,
)
LOWERED = fact(
    "change.memory_limit_lowered",
    FactRole.CHANGE,
    "Memory limit of checkout lowered 512Mi -> 256Mi by deploy 8f2c1d7 at 02:33",
    REVISIONS,
    at=DEPLOYED,
    before="512Mi",
    after="256Mi",
)
USED = fact(
    "memory.used_before", FactRole.STATE, "Containers of checkout used 340Mi at most in the day before 02:33", USAGE
)
CART_DEPLOY = fact(
    "change.deployed",
    FactRole.CHANGE,
    "cart deployed revision 18 (image 0.31.5) at 02:44",
    REVISIONS,
    entity=CART,
    at=datetime(2026, 11, 17, 2, 44, tzinfo=UTC),
)
WEB_SUFFERS = fact(
    "upstream.affected",
    FactRole.SYMPTOM,
    "web suffers: 6 % of its calls to checkout fail since 02:36",
    CALLERS,
    entity=WEB,
    at=ONSET + timedelta(seconds=60),
)
MOBILE_SUFFERS = fact(
    "upstream.affected",
    FactRole.SYMPTOM,
    "mobile-api suffers: 4 % of its calls to checkout fail since 02:36",
    CALLERS,
    entity=MOBILE,
    at=ONSET + timedelta(seconds=60),
)
DEPENDENCIES_FINE = fact(
    "dependency.healthy", FactRole.CLEARED, "payments answers checkout as before", CALLERS, entity=PAYMENTS
)
RATE = fact("cost.rate", FactRole.STATE, "checkout costs 0.31 $/h", COST, usd_per_hour=0.31)

TOPOLOGY = Topology.of(
    Edge(source=source, relation=Relation.CALLS, target=target)
    for source, target in (
        (WEB, CHECKOUT),
        (MOBILE, CHECKOUT),
        (WEB, CART),
        (CHECKOUT, PAYMENTS),
        (CHECKOUT, INVENTORY),
        (CHECKOUT, EMAIL),
        (CART, INVENTORY),
        (INVENTORY, DATABASE),
        (PAYMENTS, DATABASE),
    )
)

QUESTION = Question(
    id=QuestionId("qu-usage"),
    asker=AgentName.SUPERVISOR,
    to=AgentName.OBSERVABILITY,
    topic=Topic.USAGE_BEFORE,
    entities=(CHECKOUT,),
    text="what did checkout use before 02:33?",
    because=(LOWERED.id,),
    round=2,
)


def finding(
    key: str, agent: AgentName, text: str, facts: tuple[Fact, ...], *, round_: int = 1, **more: object
) -> Finding:
    return Finding.model_validate(
        {
            "id": FindingId(f"fi-{key}"),
            "agent": agent,
            "text": text,
            "confidence": 0.95,
            "facts": tuple(f.id for f in facts),
            "evidence": tuple(dict.fromkeys(e for f in facts for e in f.evidence)),
            "entities": tuple({f.entity for f in facts}),
            "at": NOW + timedelta(seconds=6),
            "round": round_,
            **more,
        }
    )


FIRST_ROUND = (
    Report(
        agent=AgentName.KUBERNETES,
        round=1,
        evidence=(PODS,),
        facts=(OOM, RESTARTS),
        findings=(finding("oom", AgentName.KUBERNETES, OOM.text, (OOM,)),),
        topology=TOPOLOGY,
        inventory=(CHECKOUT, WEB, MOBILE, CART, PAYMENTS, INVENTORY, EMAIL, DATABASE),
        probes=9,
        seconds=0.8,
    ),
    Report(
        agent=AgentName.CICD,
        round=1,
        evidence=(REVISIONS, COMMIT),
        facts=(LOWERED, CART_DEPLOY),
        findings=(
            finding(
                "lowered",
                AgentName.CICD,
                LOWERED.text,
                (LOWERED,),
                ruled_out=(
                    RuledOut(
                        suspicion="deploy of cart at 02:44",
                        entity=CART,
                        because="after the first OOM kill, and no request path of checkout leads through it",
                        evidence=(REVISIONS.id,),
                    ),
                ),
            ),
        ),
        probes=6,
        seconds=0.6,
    ),
    Report(
        agent=AgentName.OBSERVABILITY,
        round=1,
        evidence=(REQUESTS, CALLERS),
        facts=(ERRORS, SLOW, WEB_SUFFERS, MOBILE_SUFFERS, DEPENDENCIES_FINE),
        findings=(finding("errors", AgentName.OBSERVABILITY, ERRORS.text, (ERRORS,)),),
        gaps=(Gap(agent=AgentName.OBSERVABILITY, what="traces of payments", why="no access"),),
        probes=12,
        seconds=1.1,
    ),
    Report(
        agent=AgentName.COST,
        round=1,
        evidence=(COST,),
        facts=(RATE,),
        findings=(finding("cost", AgentName.COST, RATE.text, (RATE,)),),
        probes=2,
        seconds=0.2,
    ),
)
SECOND_ROUND = Report(
    agent=AgentName.OBSERVABILITY,
    round=2,
    evidence=(USAGE,),
    facts=(USED,),
    findings=(finding("used", AgentName.OBSERVABILITY, USED.text, (USED,), round_=2),),
    probes=3,
    seconds=0.3,
)
