"""What a kubelet says about the pods on its node: the Events, word for word."""

from worlds.cluster.core import Cluster
from worlds.cluster.events import Recorder
from worlds.cluster.podstatus import field_path
from worlds.objects.kinds import JsonObject

_NO_SANDBOX = (
    'Failed to create pod sandbox: rpc error: code = Unavailable desc = connection error: desc = "transport: Error '
    'while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused"'
)


class KubeletEvents:
    """Records events about pods and their containers."""

    def __init__(self, cluster: Cluster) -> None:
        self._events = Recorder(cluster, component="kubelet")

    def of_pod(self, pod: JsonObject, reason: str, text: str) -> None:
        """Warn about a pod as a whole: mounts, volumes, eviction."""
        self._events.warn(pod, reason, text, host=_host(pod))

    def no_sandbox(self, pod: JsonObject) -> None:
        """The container runtime does not answer."""
        self.of_pod(pod, "FailedCreatePodSandBox", _NO_SANDBOX)

    def present(self, pod: JsonObject, container: str, image: str) -> None:
        """The image need not be pulled."""
        self._note(pod, container, "Pulled", f'Container image "{image}" already present on machine')

    def pulling(self, pod: JsonObject, container: str, image: str) -> None:
        """The image is being pulled."""
        self._note(pod, container, "Pulling", f'Pulling image "{image}"')

    def pulled(self, pod: JsonObject, container: str, image: str, seconds: float) -> None:
        """The image was pulled."""
        text = f'Successfully pulled image "{image}" in {seconds:.3f}s ({seconds:.3f}s including waiting).'
        self._note(pod, container, "Pulled", text)

    def pull_failed(self, pod: JsonObject, container: str, image: str, why: str) -> None:
        """The image cannot be pulled."""
        self._warn(pod, container, "Failed", f'Failed to pull image "{image}": {why}')
        self._warn(pod, container, "Failed", "Error: ErrImagePull")

    def no_pull_secret(self, pod: JsonObject, names: list[str]) -> None:
        """Secrets that the pod names for the registry are not there."""
        listed = ", ".join(names)
        text = f"Unable to retrieve some image pull secrets ({listed}); attempting to pull the image may not succeed."
        self.of_pod(pod, "FailedToRetrieveImagePullSecret", text)

    def pull_backs_off(self, pod: JsonObject, container: str, image: str) -> str:
        """The next attempt waits. Returns what the container's status says meanwhile."""
        text = f'Back-off pulling image "{image}"'
        self._note(pod, container, "BackOff", text)
        self._warn(pod, container, "Failed", "Error: ImagePullBackOff")
        return text

    def cannot_create(self, pod: JsonObject, container: str, why: str) -> None:
        """The container cannot be created, or its process not be started."""
        self._warn(pod, container, "Failed", f"Error: {why}")

    def created(self, pod: JsonObject, container: str) -> None:
        """The container was created."""
        self._note(pod, container, "Created", f"Created container: {container}")

    def started(self, pod: JsonObject, container: str) -> None:
        """The container was started."""
        self._note(pod, container, "Started", f"Started container {container}")

    def unhealthy(self, pod: JsonObject, container: str, probe: str, why: str) -> None:
        """A probe failed: Readiness, Liveness or Startup."""
        self._warn(pod, container, "Unhealthy", f"{probe} probe failed: {why}")

    def killing_unhealthy(self, pod: JsonObject, container: str, probe: str) -> None:
        """A container is restarted because of a probe."""
        text = f"Container {container} failed {probe.lower()} probe, will be restarted"
        self._note(pod, container, "Killing", text)

    def stopping(self, pod: JsonObject, container: str) -> None:
        """A container is ended because its pod is."""
        self._note(pod, container, "Killing", f"Stopping container {container}")

    def backs_off(self, pod: JsonObject, container: str, seconds: float) -> str:
        """The next restart waits. Returns what the container's status says meanwhile."""
        meta = pod["metadata"]
        where = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
        self._warn(pod, container, "BackOff", f"Back-off restarting failed container {container} in pod {where}")
        return f"back-off {_go_duration(seconds)} restarting failed container={container} pod={where}"

    def _warn(self, pod: JsonObject, container: str, reason: str, text: str) -> None:
        self._events.warn(pod, reason, text, host=_host(pod), field=field_path(pod, container))

    def _note(self, pod: JsonObject, container: str, reason: str, text: str) -> None:
        self._events.note(pod, reason, text, host=_host(pod), field=field_path(pod, container))


def _host(pod: JsonObject) -> str:
    return str(pod["spec"].get("nodeName", ""))


def _go_duration(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole}s" if whole < 60 else f"{whole // 60}m{whole % 60}s"  # noqa: PLR2004 - seconds of a minute
