"""All objects of a case: every kind read by its reader, pods and templates joined, times of pods set by events."""

from collections.abc import Iterator, Sequence

from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.events import read_events
from evals.datasets.cloud_opsbench.gaps import adopt_pods, adopt_replicasets, fill_templates, missing_replicasets
from evals.datasets.cloud_opsbench.manifests import read_manifests
from evals.datasets.cloud_opsbench.namespaces import read_namespaces
from evals.datasets.cloud_opsbench.nodes import read_nodes
from evals.datasets.cloud_opsbench.pods import read_pod
from evals.datasets.cloud_opsbench.routes import read_routes
from evals.datasets.cloud_opsbench.services import read_services
from evals.datasets.cloud_opsbench.storage import read_storage
from evals.datasets.cloud_opsbench.workloads import read_workloads
from worlds.objects.kinds import JsonObject

_ERROR = "Error: "
_EXPLAINED = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_OF_CONTAINERS = frozenset({"Pulling", "Pulled", "Created", "Started", "Killing", "Unhealthy", "BackOff", "Failed"})


def read_objects(cache: Cache) -> list[JsonObject]:
    """Everything that was seen to exist, as Kubernetes objects."""
    manifests = read_manifests(answer.text for answer in cache.by("GetAppYAML"))
    workloads = list(read_workloads(cache, manifests))
    events = list(read_events(cache))
    pods = list(_pods(cache, workloads))
    adopt_replicasets(workloads)
    adopt_pods(pods, workloads)
    workloads += missing_replicasets(pods, workloads)
    fill_templates(workloads, pods)
    _explain_pending(pods, events)
    _point_at_containers(pods, events)
    _explain_waiting(pods, events)
    return [
        *read_namespaces(cache),
        *read_nodes(cache),
        *workloads,
        *pods,
        *read_services(cache, pods),
        *read_routes(cache, manifests),
        *read_storage(cache, manifests),
        *events,
    ]


def _pods(cache: Cache, workloads: Sequence[JsonObject]) -> Iterator[JsonObject]:
    templates = {
        (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one["spec"]["template"]["spec"]
        for one in workloads
    }
    for namespace, name in cache.names("pods"):
        outline = cache.outline("pods", namespace, name)
        kind, _, owner = (outline.word("Controlled By") if outline else "").partition("/")
        yield read_pod(cache, namespace, name, template=templates.get((kind, namespace, owner), {}))


def _point_at_containers(pods: Sequence[JsonObject], events: Sequence[JsonObject]) -> None:
    """Kubelets say in a field, which is not printed, of which container they speak: the one named, or the only one."""
    containers = {
        (pod["metadata"].get("namespace", ""), pod["metadata"]["name"]): [c["name"] for c in pod["spec"]["containers"]]
        for pod in pods
        if pod["spec"].get("containers")
    }
    for event in events:
        about = event["involvedObject"]
        names = containers.get((about.get("namespace", ""), about["name"]), [])
        if about["kind"] != "Pod" or event["reason"] not in _OF_CONTAINERS:
            continue
        words = event["message"].replace('"', " ").split()
        named = [name for name in names if name in words] or (names if len(names) == 1 else [])
        if named:
            about["fieldPath"] = f"spec.containers{{{named[0]}}}"


def _explain_waiting(pods: Sequence[JsonObject], events: Sequence[JsonObject]) -> None:
    """Why a container cannot be made stands in its state and in an event; only the event is printed."""
    said: dict[tuple[str, str, str], str] = {}
    for event in events:
        about = event["involvedObject"]
        if event["reason"] == "Failed" and event["message"].startswith(_ERROR) and "fieldPath" in about:
            name = about["fieldPath"].partition("{")[2].rstrip("}")
            said[about.get("namespace", ""), about["name"], name] = event["message"].removeprefix(_ERROR)
    for pod in pods:
        for status in pod["status"].get("containerStatuses", ()):
            waiting = status["state"].get("waiting", {})
            key = (pod["metadata"].get("namespace", ""), pod["metadata"]["name"], status["name"])
            if waiting.get("reason", "") in _EXPLAINED and key in said:
                waiting.setdefault("message", said[key])


def _explain_pending(pods: Sequence[JsonObject], events: Sequence[JsonObject]) -> None:
    """The scheduler writes the same sentence into its event and into the pod's condition; only events are printed."""
    said = {
        (one["involvedObject"].get("namespace", ""), one["involvedObject"]["name"]): one
        for one in events
        if one["reason"] == "FailedScheduling"
    }
    for pod in pods:
        found = said.get((pod["metadata"].get("namespace", ""), pod["metadata"]["name"]))
        for condition in pod["status"].get("conditions", ()):
            if found and condition["type"] == "PodScheduled" and condition["status"] == "False":
                condition |= {"reason": "Unschedulable", "message": found["message"]}
                condition["lastTransitionTime"] = found["firstTimestamp"]
