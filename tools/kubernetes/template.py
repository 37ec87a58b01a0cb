"""What a pod is made from: containers, volumes, where it may run. Read alike from a template and a pod's spec."""

from incidents.entity import EntityKind
from incidents.value import Value
from tools.kubernetes.container import ContainerSpec, read_container
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import read_annotations
from tools.kubernetes.selector import Requirement, Selector

_VOLUMES = {
    "configMap": (EntityKind.CONFIGMAP, "name"),
    "secret": (EntityKind.SECRET, "secretName"),
    "persistentVolumeClaim": (EntityKind.PVC, "claimName"),
}


class Volume(Value):
    """One volume and what it refers to. A projected volume becomes one entry per referenced object."""

    name: str
    type: str
    """Field name in the API: configMap, secret, persistentVolumeClaim, emptyDir, hostPath, csi, ephemeral..."""
    ref_kind: EntityKind | None = None
    ref_name: str = ""
    ref_keys: tuple[str, ...] = ()
    """Keys that have to exist, when `items` names some."""
    optional: bool = False


class Toleration(Value):
    """A taint that the pod puts up with; an empty key tolerates all."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    seconds: int | None = None


class PodTemplate(Value):
    """What a pod is made from."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    containers: tuple[ContainerSpec, ...] = ()
    init_containers: tuple[ContainerSpec, ...] = ()
    volumes: tuple[Volume, ...] = ()
    service_account: str = "default"
    pull_secrets: tuple[str, ...] = ()
    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()
    node_affinity: bool = False
    node_terms: tuple[Selector, ...] = ()
    """Terms of a required node affinity over labels, of which one has to hold."""
    pod_affinity: bool = False
    pod_anti_affinity: bool = False
    """Required rules of that kind; preferred ones never keep a pod from a node."""
    topology_spread: tuple[str, ...] = ()
    """Topology keys with whenUnsatisfiable DoNotSchedule."""
    priority_class: str = ""
    restart_policy: str = "Always"
    host_network: bool = False
    grace_seconds: int = 30
    scheduler: str = "default-scheduler"

    def container(self, name: str) -> ContainerSpec | None:
        """A container or init container by name."""
        return next((c for c in (*self.containers, *self.init_containers) if c.name == name), None)

    @property
    def images(self) -> tuple[str, ...]:
        """Images of the containers, in their order."""
        return tuple(container.image for container in self.containers)


def read_template(template: Document, *, brief: bool = False) -> PodTemplate:
    """Read a PodTemplateSpec, or a Pod (same layout: `metadata`, `spec`); a brief one has no configuration in it."""
    spec, affinity = template.at("spec"), template.at("spec", "affinity")
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    return PodTemplate(
        labels={} if brief else template.mapping("metadata", "labels"),
        annotations={} if brief else read_annotations(template.mapping("metadata", "annotations")),
        containers=tuple(read_container(item, brief=brief) for item in spec.items("containers")),
        init_containers=tuple(read_container(item, init=True, brief=brief) for item in spec.items("initContainers")),
        volumes=() if brief else tuple(volume for item in spec.items("volumes") for volume in _volumes(item)),
        service_account=spec.text("serviceAccountName") or "default",
        pull_secrets=tuple(item.word("name") for item in spec.items("imagePullSecrets")),
        node_selector=spec.mapping("nodeSelector"),
        tolerations=() if brief else tuple(_toleration(item) for item in spec.items("tolerations")),
        node_affinity=affinity.has("nodeAffinity", required),
        node_terms=tuple(
            Selector(requirements=tuple(_requirement(one) for one in term.items("matchExpressions")))
            for term in affinity.items("nodeAffinity", required, "nodeSelectorTerms")
        ),
        pod_affinity=bool(affinity.items("podAffinity", required)),
        pod_anti_affinity=bool(affinity.items("podAntiAffinity", required)),
        topology_spread=tuple(
            item.word("topologyKey")
            for item in spec.items("topologySpreadConstraints")
            if item.word("whenUnsatisfiable") == "DoNotSchedule"
        ),
        priority_class=spec.word("priorityClassName"),
        restart_policy=spec.text("restartPolicy") or "Always",
        host_network=spec.flag("hostNetwork"),
        grace_seconds=_or(spec.whole("terminationGracePeriodSeconds"), 30),
        scheduler=spec.text("schedulerName") or "default-scheduler",
    )


def _requirement(item: Document) -> Requirement:
    return Requirement(key=item.word("key"), operator=item.word("operator"), values=item.texts("values"))


def _volumes(item: Document) -> list[Volume]:
    name = item.word("name")
    if item.has("projected"):
        sources = item.items("projected", "sources")
        return [volume for source in sources if (volume := _referring(name, source, name_key="name"))]
    return [_referring(name, item) or Volume(name=name, type=_volume_type(item))]


def _referring(name: str, item: Document, *, name_key: str | None = None) -> Volume | None:
    for key, (kind, own_key) in _VOLUMES.items():
        if item.has(key):
            ref = item.at(key)
            return Volume(
                name=name,
                type=key,
                ref_kind=kind,
                ref_name=ref.word(name_key or own_key),
                ref_keys=tuple(entry.word("key") for entry in ref.items("items")),
                optional=ref.flag("optional"),
            )
    return None


def _volume_type(item: Document) -> str:
    return next((key for key in item.fields if key != "name"), "emptyDir")


def _toleration(item: Document) -> Toleration:
    return Toleration(
        key=item.word("key"),
        operator=item.text("operator") or "Equal",
        value=item.word("value"),
        effect=item.word("effect"),
        seconds=item.whole("tolerationSeconds"),
    )


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
