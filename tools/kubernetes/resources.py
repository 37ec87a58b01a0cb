"""Where the API keeps each kind: group, version, plural name, and the paths built from them."""

from urllib.parse import quote

from incidents.entity import Entity, EntityKind
from incidents.value import Value
from tools.errors import PermanentError


class Resource(Value):
    """One resource of the API."""

    group: str
    """Empty for the core group."""
    version: str = "v1"
    plural: str
    kind: str
    """As Kubernetes writes it: `Deployment`."""
    namespaced: bool = True

    def collection(self, namespace: str | None = None) -> str:
        """Path of the collection, of one namespace or of all."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        inside = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{root}{inside}/{self.plural}"

    def path(self, name: str, namespace: str | None = None) -> str:
        """Path of one object."""
        return f"{self.collection(namespace)}/{quote(name, safe='')}"


RESOURCES: dict[EntityKind, Resource] = {
    EntityKind.NAMESPACE: Resource(group="", plural="namespaces", kind="Namespace", namespaced=False),
    EntityKind.NODE: Resource(group="", plural="nodes", kind="Node", namespaced=False),
    EntityKind.POD: Resource(group="", plural="pods", kind="Pod"),
    EntityKind.SERVICE: Resource(group="", plural="services", kind="Service"),
    EntityKind.CONFIGMAP: Resource(group="", plural="configmaps", kind="ConfigMap"),
    EntityKind.SECRET: Resource(group="", plural="secrets", kind="Secret"),
    EntityKind.SERVICEACCOUNT: Resource(group="", plural="serviceaccounts", kind="ServiceAccount"),
    EntityKind.PVC: Resource(group="", plural="persistentvolumeclaims", kind="PersistentVolumeClaim"),
    EntityKind.PV: Resource(group="", plural="persistentvolumes", kind="PersistentVolume", namespaced=False),
    EntityKind.QUOTA: Resource(group="", plural="resourcequotas", kind="ResourceQuota"),
    EntityKind.LIMITRANGE: Resource(group="", plural="limitranges", kind="LimitRange"),
    EntityKind.DEPLOYMENT: Resource(group="apps", plural="deployments", kind="Deployment"),
    EntityKind.STATEFULSET: Resource(group="apps", plural="statefulsets", kind="StatefulSet"),
    EntityKind.DAEMONSET: Resource(group="apps", plural="daemonsets", kind="DaemonSet"),
    EntityKind.REPLICASET: Resource(group="apps", plural="replicasets", kind="ReplicaSet"),
    EntityKind.JOB: Resource(group="batch", plural="jobs", kind="Job"),
    EntityKind.CRONJOB: Resource(group="batch", plural="cronjobs", kind="CronJob"),
    EntityKind.INGRESS: Resource(group="networking.k8s.io", plural="ingresses", kind="Ingress"),
    EntityKind.NETWORKPOLICY: Resource(group="networking.k8s.io", plural="networkpolicies", kind="NetworkPolicy"),
    EntityKind.STORAGECLASS: Resource(
        group="storage.k8s.io", plural="storageclasses", kind="StorageClass", namespaced=False
    ),
    EntityKind.HPA: Resource(
        group="autoscaling", version="v2", plural="horizontalpodautoscalers", kind="HorizontalPodAutoscaler"
    ),
    EntityKind.PDB: Resource(group="policy", plural="poddisruptionbudgets", kind="PodDisruptionBudget"),
}
"""Kinds that are entities."""

EVENTS = Resource(group="", plural="events", kind="Event")
CONTROLLER_REVISIONS = Resource(group="apps", plural="controllerrevisions", kind="ControllerRevision")
ENDPOINT_SLICES = Resource(group="discovery.k8s.io", plural="endpointslices", kind="EndpointSlice")
LEASES = Resource(group="coordination.k8s.io", plural="leases", kind="Lease")
VALIDATING_WEBHOOKS = Resource(
    group="admissionregistration.k8s.io",
    plural="validatingwebhookconfigurations",
    kind="ValidatingWebhookConfiguration",
    namespaced=False,
)
MUTATING_WEBHOOKS = Resource(
    group="admissionregistration.k8s.io",
    plural="mutatingwebhookconfigurations",
    kind="MutatingWebhookConfiguration",
    namespaced=False,
)
API_SERVICES = Resource(group="apiregistration.k8s.io", plural="apiservices", kind="APIService", namespaced=False)


def resource_of(kind: EntityKind) -> Resource:
    """The resource of a kind. Raises PermanentError for what is no Kubernetes object."""
    found = RESOURCES.get(kind)
    if found is None:
        raise PermanentError(f"a {kind} is not an object of the Kubernetes API")
    return found


def path_of(entity: Entity) -> str:
    """The path of the object that an entity is."""
    return resource_of(entity.kind).path(entity.name, entity.namespace)
