"""A clone of a workload: one pod of a template, tried apart from everything else. Its manifest, and what it shows.

It serves nobody: no label that a Service or a controller selects, no owner, no token, in a namespace whose network is
closed. It ends by itself: Kubernetes stops it at its deadline, whatever became of the process that made it.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from incidents.canonical import Json
from incidents.entity import EntityKind
from incidents.value import Value
from tools.kubernetes.document import Document
from tools.kubernetes.pod import Pod, StateKind
from tools.kubernetes.template import PodTemplate, read_template

CLONE = "midwatch.dev/clone"
"""Label of every clone."""
EXPIRES = "midwatch.dev/expires"
"""Annotation: unix seconds from which any executor removes it."""
_KEPT = (
    "containers",
    "initContainers",
    "nodeSelector",
    "tolerations",
    "securityContext",
    "volumes",
    "runtimeClassName",
    "dnsPolicy",
    "dnsConfig",
    "hostAliases",
    "os",
)
"""Fields of a pod's specification that a clone has; what is not named here is left out, whatever comes to be there."""
_FROM_ELSEWHERE = frozenset({"persistentVolumeClaim", "hostPath", "csi", "nfs", "iscsi", "rbd", "cephfs", "ephemeral"})
_HOPELESS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError"}
)
_WORDS = {EntityKind.CONFIGMAP: "ConfigMap", EntityKind.SECRET: "Secret"}


class Trying(StrEnum):
    """How far a clone is."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class Seen(Value):
    """What a clone shows."""

    how: Trying
    text: str = ""


def obstacles(target: Document) -> tuple[str, ...]:
    """Why a clone of this workload cannot be tried: it would lack what is not copied, or reach what is not its own."""
    spec = target.at("spec", "template", "spec")
    template = read_template(target.at("spec", "template"))
    found = [*_references(template), *_volumes(template)]
    found += [f"{name} is set" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.flag(name)]
    return tuple(dict.fromkeys(found))


def _references(template: PodTemplate) -> Iterator[str]:
    for container in (*template.init_containers, *template.containers):
        for variable in container.env:
            if variable.ref_kind is not None and not variable.optional:
                yield f"it needs {_WORDS.get(variable.ref_kind, variable.ref_kind.value)} {variable.ref_name}"
        for source in container.env_from:
            if not source.optional:
                yield f"it needs {_WORDS.get(source.kind, source.kind.value)} {source.name}"
    yield from (f"it needs Secret {name}" for name in template.pull_secrets)


def _volumes(template: PodTemplate) -> Iterator[str]:
    for volume in template.volumes:
        if volume.ref_kind in _WORDS and not volume.optional:
            yield f"it needs {_WORDS[volume.ref_kind]} {volume.ref_name}"
        elif volume.type in _FROM_ELSEWHERE:
            yield f"volume {volume.name} ({volume.type}) is not copied"


def manifest(target: Document, *, name: str, namespace: str, expires: datetime, seconds: int) -> Json:
    """One pod of the workload's template, which Kubernetes itself stops after so many seconds."""
    template = target.at("spec", "template")
    spec = {field: template.json("spec", field) for field in _KEPT if template.at("spec").has(field)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {CLONE: name},
            "annotations": {
                **template.mapping("metadata", "annotations"),
                EXPIRES: str(int(expires.timestamp())),
            },
        },
        "spec": {
            **spec,
            "restartPolicy": "Always",
            "activeDeadlineSeconds": seconds,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
        },
    }


def seen(pod: Pod) -> Seen:
    """Ready, or why it will not be: a crash, a kill for memory, an image or a configuration that is not there."""
    if pod.ready:
        return Seen(how=Trying.READY)
    if pod.ended:
        return Seen(how=Trying.FAILED, text=pod.reason or pod.phase)
    for status in (*pod.init_containers, *pod.containers):
        ended = status.ended
        if ended is not None and ended.kind is StateKind.TERMINATED and ended.exit_code not in (None, 0):
            return Seen(how=Trying.FAILED, text=f"{ended.reason or 'it ended'}, exit {ended.exit_code}")
        if status.waiting_reason in _HOPELESS:
            return Seen(how=Trying.FAILED, text=status.waiting_reason)
    scheduled = pod.condition("PodScheduled")
    return Seen(how=Trying.WAITING, text="it found no node" if scheduled and not scheduled.holds else "it is not ready")
