"""Set requests and limits of one container of a workload's template."""

from collections.abc import Mapping, Sequence

from typing_extensions import override

from incidents.action import ActionRequest, Reversibility, Snapshot
from incidents.bound import Narrowable, Order, Unit
from incidents.canonical import Json
from incidents.entity import Entity, EntityKind
from incidents.ids import ActionKind
from incidents.quantity import bytes_quantity, format_cores, parse_quantity
from incidents.value import Scalar
from tools.action import ActionCard
from tools.errors import ConflictError, PermanentError
from tools.estate import WriteCluster
from tools.kubernetes.access import Need
from tools.kubernetes.change import ConditionalChange, Plan
from tools.kubernetes.document import Document
from tools.kubernetes.json_patch import Operation, pointer
from tools.kubernetes.managers import SEES_AUTOSCALERS, autoscaler_of, gitops_warnings
from tools.kubernetes.rollout_status import rollout_status
from tools.kubernetes.workload import read_workload

_FIELDS = {
    "memory_limit": ("limits", "memory"),
    "memory_request": ("requests", "memory"),
    "cpu_limit": ("limits", "cpu"),
    "cpu_request": ("requests", "cpu"),
}
MIN_BYTES, MAX_BYTES = 4 * 2**20, 16 * 2**40
MIN_CORES, MAX_CORES = 0.001, 1024.0
MEBIBYTE = 2**20


class SetResources(ConditionalChange):
    """Requests and limits of one container, conditional on what was approved. Pods are replaced."""

    card = ActionCard(
        kind=ActionKind("set_resources"),
        title="Set resources of a container",
        describe="Sets memory and CPU limits and requests of one container; the pods are rolled out again.",
        targets=(EntityKind.DEPLOYMENT, EntityKind.STATEFULSET, EntityKind.DAEMONSET),
        arguments={
            "container": "name of the container; not needed when there is only one",
            "memory_limit": "bytes, or a quantity such as 512Mi",
            "memory_request": "bytes, or a quantity such as 256Mi",
            "cpu_limit": "cores, or a quantity such as 500m",
            "cpu_request": "cores, or a quantity such as 250m",
        },
        narrows={
            argument: Narrowable(
                order=Order.BETWEEN,
                unit=Unit.BYTES if resource == "memory" else Unit.CORES,
                present=f"before.{kind}.{resource}",
                optional=True,
            )
            for argument, (kind, resource) in _FIELDS.items()
        },
        reversibility=Reversibility.EXACT,
        undo_seconds=40,
    )
    needs = (
        *(
            Need(verb=verb, resource=name, group="apps")
            for name in ("deployments", "statefulsets", "daemonsets")
            for verb in ("get", "patch")
        ),
        SEES_AUTOSCALERS,
    )

    @override
    async def plan(self, cluster: WriteCluster, item: Document, request: ActionRequest) -> Plan:
        """Write the given fields of the container's resources, and leave the others."""
        entity = Entity.parse(request.target)
        place, container = _container(item, request)
        before = _resources(container)
        after = _changed(before, _wanted(request))
        if after == before:
            raise PermanentError(f"container {container.word('name')} already has these resources")
        return Plan(
            part={"container": container.word("name"), "resources": before},
            operations=_write(item, place, after),
            state={"container": container.word("name"), "before": before, "after": after},
            facets={"container": container.word("name")},
            warnings=gitops_warnings(item),
            by_generation=not await autoscaler_of(cluster, entity),
        )

    @override
    async def reversal(
        self, cluster: WriteCluster, item: Document, request: ActionRequest, state: Document
    ) -> Sequence[Operation]:
        """Write the captured resources, unless somebody changed them since."""
        named = request.model_copy(update={"arguments": {**request.arguments, "container": state.word("container")}})
        place, container = _container(item, named)
        if not _holds(_resources(container), state.at("after")):
            raise ConflictError("not undone: the resources were changed again since")
        return _write(item, place, state.json("before"))

    @override
    def progress(self, item: Document, request: ActionRequest) -> tuple[bool, str]:
        """Of the rollout."""
        status = rollout_status(read_workload(item, cluster="-", kind=Entity.parse(request.target).kind))
        return status.done, status.text

    @override
    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:
        """`Set memory limit of checkout/app to 512Mi`."""
        name, container = Entity.parse(request.target).label, snapshot.fence.facets["container"]
        said = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in _wanted(request).items())
        undo = f"put the previous resources back, about {self.card.undo_seconds} s"
        return f"Set {said} of {name} (container {container})", undo


def _container(item: Document, request: ActionRequest) -> tuple[int, Document]:
    found = item.items("spec", "template", "spec", "containers")
    name = request.arguments.get("container")
    if name is None and len(found) == 1:
        return 0, found[0]
    for place, container in enumerate(found):
        if container.word("name") == name:
            return place, container
    known = ", ".join(container.word("name") for container in found)
    raise PermanentError(f"no container {name!r}: name one of {known}")


def _resources(container: Document) -> dict[str, Json]:
    """Requests and limits as they are written; claims and others are left alone."""
    return {kind: dict(container.mapping("resources", kind)) for kind in ("limits", "requests")}


def _holds(present: Mapping[str, Json], written: Document) -> bool:
    """Whether what was written is still there: the server rewrites `1024Mi` as `1Gi` and adds requests of its own."""
    now = Document(dict(present))
    return all(
        _same(now.text(kind, resource), value)
        for kind in ("limits", "requests")
        for resource, value in written.mapping(kind).items()
    )


def _same(left: str | None, right: str) -> bool:
    return left is not None and parse_quantity(left) == parse_quantity(right)


def _wanted(request: ActionRequest) -> dict[str, str]:
    given = {key: request.arguments[key] for key in _FIELDS if key in request.arguments}
    if not given:
        raise PermanentError(f"nothing to set: give at least one of {', '.join(_FIELDS)}")
    return {key: _memory(key, value) if "memory" in key else _cpu(key, value) for key, value in given.items()}


def _memory(name: str, value: Scalar) -> str:
    """Whole mebibytes, rounded up, unless an exact quantity was written."""
    size = _number(name, value)
    if not MIN_BYTES <= size <= MAX_BYTES:
        raise PermanentError(f"{name} must be between 4Mi and 16Ti, not {value!r}")
    if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
        return value.strip()
    return bytes_quantity(-(-round(size) // MEBIBYTE) * MEBIBYTE)


def _cpu(name: str, value: Scalar) -> str:
    cores = _number(name, value)
    if not MIN_CORES <= cores <= MAX_CORES:
        raise PermanentError(f"{name} must be between 1m and 1024 cores, not {value!r}")
    return format_cores(cores)


def _number(name: str, value: Scalar) -> float:
    try:
        return parse_quantity(str(value))
    except ValueError as error:
        raise PermanentError(f"{name}: {error}") from None


def _changed(before: Mapping[str, Json], wanted: Mapping[str, str]) -> dict[str, Json]:
    after: dict[str, dict[str, Json]] = {
        kind: dict(values) for kind, values in before.items() if isinstance(values, Mapping)
    }
    for key, value in wanted.items():
        kind, resource = _FIELDS[key]
        after[kind][resource] = value
    return dict(after)


def _write(item: Document, place: int, resources: Json) -> list[Operation]:
    container = item.items("spec", "template", "spec", "containers")[place]
    own = Document(resources)
    rest = container.at("resources")
    whole: dict[str, Json] = {key: rest.json(key) for key in rest.fields if key not in {"limits", "requests"}}
    whole |= {kind: own.json(kind) for kind in ("limits", "requests") if own.mapping(kind)}
    return [
        {
            "op": "test",
            "path": pointer("spec", "template", "spec", "containers", place, "name"),
            "value": container.word("name"),
        },
        {
            "op": "add",
            "path": pointer("spec", "template", "spec", "containers", place, "resources"),
            "value": whole,
        },
    ]


ACTION = SetResources()
