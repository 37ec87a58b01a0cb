"""What the credentials may do, asked of the API server itself: for doctor, and before an action is proposed."""

import asyncio

from incidents.evidence import Source
from incidents.value import Value
from tools.estate import Cluster
from tools.kubernetes.access import AccessReport, Grant, Need
from tools.kubernetes.document import Document
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel, permitted
from tools.kubernetes.scope import Found, Where, client_of
from tools.probe import Observation, Probe

AT_ONCE = 8
"""Reviews under way at once."""

READS: tuple[Need, ...] = (
    *(
        Need(verb="list", resource=name)
        for name in (
            "pods",
            "events",
            "services",
            "nodes",
            "namespaces",
            "configmaps",
            "secrets",
            "serviceaccounts",
            "persistentvolumeclaims",
            "persistentvolumes",
            "resourcequotas",
            "limitranges",
        )
    ),
    *(
        Need(verb="list", resource=name, group="apps")
        for name in ("deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions")
    ),
    Need(verb="list", resource="jobs", group="batch"),
    Need(verb="list", resource="cronjobs", group="batch"),
    Need(verb="list", resource="ingresses", group="networking.k8s.io"),
    Need(verb="list", resource="networkpolicies", group="networking.k8s.io"),
    Need(verb="list", resource="endpointslices", group="discovery.k8s.io"),
    Need(verb="list", resource="horizontalpodautoscalers", group="autoscaling"),
    Need(verb="list", resource="poddisruptionbudgets", group="policy"),
    Need(verb="list", resource="storageclasses", group="storage.k8s.io"),
    Need(verb="list", resource="leases", group="coordination.k8s.io"),
    Need(verb="list", resource="validatingwebhookconfigurations", group="admissionregistration.k8s.io"),
    Need(verb="list", resource="mutatingwebhookconfigurations", group="admissionregistration.k8s.io"),
    Need(verb="list", resource="apiservices", group="apiregistration.k8s.io"),
    Need(verb="get", resource="configmaps"),
    Need(verb="get", resource="pods", subresource="log"),
)
"""What the probes read. Each is optional: what is not allowed becomes a gap."""
CLUSTER_WIDE = frozenset(
    {
        "nodes",
        "namespaces",
        "persistentvolumes",
        "storageclasses",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "apiservices",
    }
)


class AccessWanted(Value):
    """Which permissions to ask about, and where."""

    needs: tuple[Need, ...] = READS
    namespace: str | None = None
    """None: cluster-wide, or in each configured namespace."""


async def run(cluster: Cluster, wanted: AccessWanted) -> Observation[AccessReport]:
    """Ask. Raises ToolError when the API server does not answer at all."""
    client, slots = client_of(cluster), asyncio.Semaphore(AT_ONCE)
    places = (wanted.namespace,) if wanted.namespace else cluster.connections.namespaces or (None,)

    async def ask(need: Need, namespace: str | None) -> Grant:
        async with slots:
            answer = await client.access_review(need, namespace=namespace)
        return Grant(need=need, namespace=namespace, allowed=answer.allowed, reason=answer.reason)

    async with parallel() as group:
        who = group.create_task(permitted(_who(cluster)))
        version = group.create_task(client.version())
        asked = [
            group.create_task(ask(need, None if need.resource in CLUSTER_WIDE else place))
            for need in wanted.needs
            for place in (places if need.resource not in CLUSTER_WIDE else (None,))
        ]
    person = who.result()
    known = Document() if isinstance(person, str) else person.at("status", "userInfo")
    view = AccessReport(
        user=known.word("username"),
        groups=known.texts("groups"),
        version=version.result(),
        grants=tuple(task.result() for task in asked),
    )
    return observed(
        cluster,
        view,
        probe=PROBE.name,
        title="permissions",
        where=Where(namespace=wanted.namespace),
        found=[Found(items=(), requests=("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews",))],
    )


async def _who(cluster: Cluster) -> Document:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    return await client_of(cluster).post("/apis/authentication.k8s.io/v1/selfsubjectreviews", body)


PROBE = Probe(
    name="kubernetes.access",
    source=Source.KUBERNETES,
    describe="What the configured credentials may do, as the API server answers. For doctor and for pre-flight checks.",
    args=AccessWanted,
    view=AccessReport,
    run=run,
)
