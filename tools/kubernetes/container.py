"""What a pod template says of one container: image, resources, probes, and everything it refers to."""

from enum import StrEnum

from incidents.entity import EntityKind
from incidents.value import Value
from tools.kubernetes.document import Document
from tools.kubernetes.quantity import read_bytes, read_cores
from tools.kubernetes.secrecy import literal, without_secrets

MAX_LITERAL = 300
"""Characters of one environment value or argument that are kept."""


class Resources(Value):
    """Requests and limits: CPU in cores, memory in bytes; None means not set."""

    cpu_request: float | None = None
    cpu_limit: float | None = None
    memory_request: int | None = None
    memory_limit: int | None = None
    storage_request: int | None = None
    """Ephemeral storage, bytes."""
    storage_limit: int | None = None
    extended: dict[str, str] = {}
    """Other requested resources as written, for example `nvidia.com/gpu`."""

    @property
    def unset(self) -> bool:
        """Whether neither CPU nor memory has a request or a limit."""
        return all(
            value is None for value in (self.cpu_request, self.cpu_limit, self.memory_request, self.memory_limit)
        )


class EnvVar(Value):
    """One environment variable: a literal (redacted) or where its value comes from."""

    name: str
    value: str | None = None
    """The literal, a marker when the name says it is secret; None when it comes from elsewhere."""
    ref_kind: EntityKind | None = None
    """configmap or secret."""
    ref_name: str = ""
    ref_key: str = ""
    optional: bool = False
    field: str = ""
    """Downward API: field path or resource."""


class EnvFrom(Value):
    """All keys of a ConfigMap or Secret as environment."""

    kind: EntityKind
    name: str
    optional: bool = False
    prefix: str = ""


class Port(Value):
    """A declared container port."""

    number: int
    name: str = ""
    protocol: str = "TCP"


class Mount(Value):
    """A volume mount."""

    volume: str
    path: str
    sub_path: str = ""
    read_only: bool = False


class ProbeKind(StrEnum):
    """How a container is asked."""

    HTTP = "http"
    TCP = "tcp"
    GRPC = "grpc"
    EXEC = "exec"


class ProbeSpec(Value):
    """A liveness, readiness or startup probe. Times in seconds, with Kubernetes' defaults filled in."""

    kind: ProbeKind
    port: int | None = None
    port_name: str = ""
    path: str = ""
    scheme: str = ""
    command: tuple[str, ...] = ()
    initial_delay_s: int = 0
    period_s: int = 10
    timeout_s: int = 1
    failure_threshold: int = 3
    success_threshold: int = 1

    @property
    def patience_s(self) -> int:
        """Seconds after the container's start until the probe has failed often enough to act."""
        return self.initial_delay_s + self.period_s * max(0, self.failure_threshold - 1) + self.timeout_s


class ContainerSpec(Value):
    """One container of a template."""

    name: str
    image: str
    init: bool = False
    sidecar: bool = False
    """An init container with restartPolicy Always."""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    resources: Resources = Resources()
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFrom, ...] = ()
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    liveness: ProbeSpec | None = None
    readiness: ProbeSpec | None = None
    startup: ProbeSpec | None = None
    pull_policy: str = ""

    @property
    def tag(self) -> str:
        """The image's tag or digest: `checkout:2026.11.3` -> `2026.11.3`; `latest` when none is written."""
        if "@" in self.image:
            return self.image.rsplit("@", 1)[1]
        last = self.image.rsplit("/", 1)[-1]
        return last.split(":", 1)[1] if ":" in last else "latest"

    def port_named(self, name: str) -> int | None:
        """The number of a named port."""
        return next((port.number for port in self.ports if port.name == name), None)


def read_container(document: Document, *, init: bool = False, brief: bool = False) -> ContainerSpec:
    """Read one entry of `containers` or `initContainers`; a brief one without environment and mounts."""
    return ContainerSpec(
        name=document.word("name"),
        image=document.word("image"),
        init=init,
        sidecar=init and document.word("restartPolicy") == "Always",
        command=_words(document, "command"),
        args=_words(document, "args"),
        resources=read_resources(document.at("resources")),
        env=() if brief else tuple(_env(item) for item in document.items("env")),
        env_from=() if brief else tuple(s for item in document.items("envFrom") if (s := _env_from(item))),
        ports=tuple(_port(item) for item in document.items("ports")),
        mounts=() if brief else tuple(_mount(item) for item in document.items("volumeMounts")),
        liveness=read_probe(document.at("livenessProbe")),
        readiness=read_probe(document.at("readinessProbe")),
        startup=read_probe(document.at("startupProbe")),
        pull_policy=document.word("imagePullPolicy"),
    )


def read_resources(resources: Document) -> Resources:
    """Read a ResourceRequirements; limits stand in for missing requests, as the API server does."""
    requests, limits = resources.mapping("requests"), resources.mapping("limits")
    plain = {"cpu", "memory", "ephemeral-storage"}
    return Resources(
        cpu_request=read_cores(requests.get("cpu", limits.get("cpu"))),
        cpu_limit=read_cores(limits.get("cpu")),
        memory_request=read_bytes(requests.get("memory", limits.get("memory"))),
        memory_limit=read_bytes(limits.get("memory")),
        storage_request=read_bytes(requests.get("ephemeral-storage")),
        storage_limit=read_bytes(limits.get("ephemeral-storage")),
        extended={key: value for key, value in requests.items() if key not in plain},
    )


def read_probe(probe: Document) -> ProbeSpec | None:
    """Read a probe; None when there is none."""
    kind = _probe_kind(probe)
    if kind is None:
        return None
    how = probe.at({ProbeKind.HTTP: "httpGet", ProbeKind.TCP: "tcpSocket", ProbeKind.GRPC: "grpc"}.get(kind, "exec"))
    port = how.text("port") or ""
    return ProbeSpec(
        kind=kind,
        port=int(port) if port.isdigit() else None,
        port_name="" if port.isdigit() else port,
        path=how.word("path"),
        scheme=how.word("scheme"),
        command=tuple(without_secrets(word)[:MAX_LITERAL] for word in how.texts("command")),
        initial_delay_s=probe.count("initialDelaySeconds"),
        period_s=probe.whole("periodSeconds") or 10,
        timeout_s=probe.whole("timeoutSeconds") or 1,
        failure_threshold=probe.whole("failureThreshold") or 3,
        success_threshold=probe.whole("successThreshold") or 1,
    )


def _probe_kind(probe: Document) -> ProbeKind | None:
    known = {"httpGet": ProbeKind.HTTP, "tcpSocket": ProbeKind.TCP, "grpc": ProbeKind.GRPC, "exec": ProbeKind.EXEC}
    return next((kind for key, kind in known.items() if probe.has(key)), None)


def _env(item: Document) -> EnvVar:
    name, source = item.word("name"), item.at("valueFrom")
    for key, kind in (("configMapKeyRef", EntityKind.CONFIGMAP), ("secretKeyRef", EntityKind.SECRET)):
        if source.has(key):
            ref = source.at(key)
            return EnvVar(
                name=name,
                ref_kind=kind,
                ref_name=ref.word("name"),
                ref_key=ref.word("key"),
                optional=ref.flag("optional"),
            )
    field = source.word("fieldRef", "fieldPath") or source.word("resourceFieldRef", "resource")
    if field:
        return EnvVar(name=name, field=field)
    return EnvVar(name=name, value=literal(name, item.word("value"))[:MAX_LITERAL])


def _env_from(item: Document) -> EnvFrom | None:
    for key, kind in (("configMapRef", EntityKind.CONFIGMAP), ("secretRef", EntityKind.SECRET)):
        if item.has(key):
            ref = item.at(key)
            return EnvFrom(kind=kind, name=ref.word("name"), optional=ref.flag("optional"), prefix=item.word("prefix"))
    return None


def _port(item: Document) -> Port:
    return Port(number=item.count("containerPort"), name=item.word("name"), protocol=item.text("protocol") or "TCP")


def _mount(item: Document) -> Mount:
    return Mount(
        volume=item.word("name"),
        path=item.word("mountPath"),
        sub_path=item.word("subPath"),
        read_only=item.flag("readOnly"),
    )


def _words(document: Document, key: str) -> tuple[str, ...]:
    return tuple(without_secrets(word)[:MAX_LITERAL] for word in document.texts(key))
