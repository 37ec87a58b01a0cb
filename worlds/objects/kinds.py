"""Which kinds a world's API server knows. One row per kind; discovery, routing and the store all read this table."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

# An API object exactly as it travels. A world is the server side of the wire, so raw JSON is its native tongue.
JsonObject: TypeAlias = dict[str, Any]

_ALL_VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of object. `stored_as` names the kind whose objects it shares (events exist in two groups)."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    stored_as: str = ""

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def key(self) -> str:
        """Under which name the store keeps its objects."""
        return self.stored_as or f"{self.plural}.{self.group}".rstrip(".")

    @property
    def counts_generations(self) -> bool:
        """Whether `metadata.generation` grows when the spec changes."""
        return "status" in self.subresources and self.plural not in {"pods", "nodes", "namespaces", "services"}

    @property
    def resource(self) -> str:
        """Name as error messages have it: `deployments.apps`."""
        return f"{self.plural}.{self.group}".rstrip(".")

    @property
    def verbs(self) -> tuple[str, ...]:
        """What may be done to it."""
        return _ALL_VERBS


def _core(plural: str, kind: str, *, namespaced: bool = True, short: str = "", sub: str = "") -> Kind:
    return Kind(
        group="",
        version="v1",
        plural=plural,
        kind=kind,
        namespaced=namespaced,
        short=tuple(short.split()),
        subresources=tuple(sub.split()),
    )


def _grouped(
    api_version: str, plural: str, kind: str, *, namespaced: bool = True, short: str = "", sub: str = ""
) -> Kind:
    group, version = api_version.split("/")
    return Kind(
        group=group,
        version=version,
        plural=plural,
        kind=kind,
        namespaced=namespaced,
        short=tuple(short.split()),
        subresources=tuple(sub.split()),
    )


_ADMISSION = "admissionregistration.k8s.io/v1"
_RBAC = "rbac.authorization.k8s.io/v1"

KINDS: tuple[Kind, ...] = (
    _core("namespaces", "Namespace", namespaced=False, short="ns", sub="status"),
    _core("nodes", "Node", namespaced=False, short="no", sub="status"),
    _core("pods", "Pod", short="po", sub="status log eviction"),
    _core("services", "Service", short="svc", sub="status"),
    _core("endpoints", "Endpoints", short="ep"),
    _core("events", "Event", short="ev"),
    _core("configmaps", "ConfigMap", short="cm"),
    _core("secrets", "Secret"),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", short="pvc", sub="status"),
    _core("persistentvolumes", "PersistentVolume", namespaced=False, short="pv", sub="status"),
    _core("resourcequotas", "ResourceQuota", short="quota", sub="status"),
    _core("limitranges", "LimitRange", short="limits"),
    _core("serviceaccounts", "ServiceAccount", short="sa"),
    _grouped("apps/v1", "deployments", "Deployment", short="deploy", sub="status scale"),
    _grouped("apps/v1", "replicasets", "ReplicaSet", short="rs", sub="status scale"),
    _grouped("apps/v1", "statefulsets", "StatefulSet", short="sts", sub="status scale"),
    _grouped("apps/v1", "daemonsets", "DaemonSet", short="ds", sub="status"),
    _grouped("apps/v1", "controllerrevisions", "ControllerRevision"),
    _grouped("batch/v1", "jobs", "Job", sub="status"),
    _grouped("batch/v1", "cronjobs", "CronJob", short="cj", sub="status"),
    _grouped("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", short="hpa", sub="status"),
    _grouped("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", short="pdb", sub="status"),
    _grouped("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", short="netpol"),
    _grouped("networking.k8s.io/v1", "ingresses", "Ingress", short="ing", sub="status"),
    _grouped("networking.k8s.io/v1", "ingressclasses", "IngressClass", namespaced=False),
    _grouped("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
    _grouped("storage.k8s.io/v1", "storageclasses", "StorageClass", namespaced=False, short="sc"),
    _grouped("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", namespaced=False, short="pc"),
    _grouped("coordination.k8s.io/v1", "leases", "Lease"),
    _grouped(_ADMISSION, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", namespaced=False),
    _grouped(_ADMISSION, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", namespaced=False),
    _grouped(_RBAC, "roles", "Role"),
    _grouped(_RBAC, "rolebindings", "RoleBinding"),
    _grouped(_RBAC, "clusterroles", "ClusterRole", namespaced=False),
    _grouped(_RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Kind(group="events.k8s.io", version="v1", plural="events", kind="Event", short=("ev",), stored_as="events"),
)

_BY_ROUTE = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
_BY_NAME = {kind.kind: kind for kind in reversed(KINDS)} | {"Event": _BY_ROUTE["", "v1", "events"]}


def kind_at(*, group: str, version: str, plural: str) -> Kind | None:
    """Find the kind that a URL names."""
    return _BY_ROUTE.get((group, version, plural))


def kind_named(name: str) -> Kind:
    """Find the kind by the `kind` field of its objects. Raises KeyError when unknown."""
    return _BY_NAME[name]
