"""Anything that can be pointed at, with one id across all sources: `cluster/namespace/kind/name`."""

from enum import StrEnum
from functools import lru_cache

from pydantic import field_validator

from incidents.ids import EntityId
from incidents.value import Value

NO_NAMESPACE = "-"
REMEMBERED = 1 << 16
"""Ids whose parts are remembered: a large estate's; correlation and diagnosis take the same ones apart all the time."""


class EntityKind(StrEnum):
    """What an entity is. Kubernetes kinds keep their lowercase singular name."""

    CLUSTER = "cluster"
    NAMESPACE = "namespace"
    NODE = "node"
    DEPLOYMENT = "deployment"
    STATEFULSET = "statefulset"
    DAEMONSET = "daemonset"
    JOB = "job"
    CRONJOB = "cronjob"
    REPLICASET = "replicaset"
    POD = "pod"
    CONTAINER = "container"
    """Named `pod/container`."""
    SERVICE = "service"
    INGRESS = "ingress"
    NETWORKPOLICY = "networkpolicy"
    CONFIGMAP = "configmap"
    SECRET = "secret"  # noqa: S105 - the name of a Kubernetes kind
    SERVICEACCOUNT = "serviceaccount"
    PVC = "persistentvolumeclaim"
    PV = "persistentvolume"
    STORAGECLASS = "storageclass"
    QUOTA = "resourcequota"
    LIMITRANGE = "limitrange"
    HPA = "horizontalpodautoscaler"
    PDB = "poddisruptionbudget"
    WEBHOOK = "webhookconfiguration"
    ROLLOUT = "rollout"
    """One deploy: `workload@revision`."""
    COMMIT = "commit"
    REPOSITORY = "repository"
    PULL_REQUEST = "pullrequest"
    WORKFLOW = "workflow"
    APPLICATION = "application"
    """An Argo CD application."""
    EXTERNAL = "external"
    """A dependency outside the cluster, named by host."""
    OWNER = "owner"
    """A team or cost owner."""


WORKLOADS = frozenset(
    {EntityKind.DEPLOYMENT, EntityKind.STATEFULSET, EntityKind.DAEMONSET, EntityKind.JOB, EntityKind.CRONJOB}
)


class Entity(Value):
    """One thing of the estate. `name` may hold slashes (a container's `pod/container`, a repository's `owner/name`)."""

    cluster: str
    namespace: str | None = None
    kind: EntityKind
    name: str

    @field_validator("cluster", "name")
    @classmethod
    def _not_empty(cls, text: str) -> str:
        if not text.strip():
            message = "an entity needs a cluster and a name"
            raise ValueError(message)
        return text

    @property
    def id(self) -> EntityId:
        """`cluster/namespace/kind/name` with `-` for no namespace."""
        return EntityId(f"{self.cluster}/{self.namespace or NO_NAMESPACE}/{self.kind}/{self.name}")

    @property
    def label(self) -> str:
        """How people say it: `checkout`, `api.cards.com`, or `node worker-2`."""
        alone = WORKLOADS | {EntityKind.SERVICE, EntityKind.EXTERNAL}
        return self.name if self.kind in alone else f"{self.kind} {self.name}"

    @property
    def is_workload(self) -> bool:
        """Whether it is something that runs pods by a template."""
        return self.kind in WORKLOADS

    @staticmethod
    @lru_cache(maxsize=REMEMBERED)
    def parse(text: str) -> "Entity":
        """The entity of an id. Raises ValueError that says the expected form."""
        parts = text.split("/", 3)
        if len(parts) != 4:  # noqa: PLR2004 - the four parts of the form that the message names
            message = f"{text!r} is no entity id: write cluster/namespace/kind/name, - for no namespace"
            raise ValueError(message)
        cluster, namespace, kind, name = parts
        return Entity(
            cluster=cluster,
            namespace=None if namespace == NO_NAMESPACE else namespace,
            kind=EntityKind(kind),
            name=name,
        )
