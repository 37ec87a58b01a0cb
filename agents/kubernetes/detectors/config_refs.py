"""References of templates to things that do not exist: ConfigMaps, Secrets, keys, claims, service accounts."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import name
from agents.reporting import state
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.config_ref import ConfigRef, ConfigRefs
from tools.probe import Observation

CONFIG_REF_MISSING = FactSpec(
    kind=FactKind("workload.config_ref_missing"),
    role=FactRole.STATE,
    meaning="A template refers to a ConfigMap, Secret, key or claim that does not exist.",
    attributes={
        "ref_kind": "configmap, secret or persistentvolumeclaim",
        "ref_name": "its name",
        "ref_key": "the key that is missing; absent when the whole object is",
        "optional": "whether the pod may start without it",
        "via": "how it is used: env NAME, envFrom, volume NAME, imagePullSecrets",
        "container": "name of the container, when it is one that refers to it",
    },
)
SERVICEACCOUNT_MISSING = FactSpec(
    kind=FactKind("workload.serviceaccount_missing"),
    role=FactRole.STATE,
    meaning="A template names a service account that does not exist: no new pod is created.",
    attributes={"name": "name of the service account"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - a state has no time
    """One fact per missing thing; optional references are told as such, since they may be meant to be absent."""
    for seen in sightings.of(ConfigRefs):
        for ref in seen.view.refs:
            if ref.exists is False or ref.key_exists is False:
                fact = _fact(ref, seen)
                if fact is not None:
                    yield fact


def _fact(ref: ConfigRef, seen: Observation[ConfigRefs]) -> Fact | None:
    if ref.kind is EntityKind.SERVICEACCOUNT:
        return state(
            SERVICEACCOUNT_MISSING,
            entity=ref.workload,
            text=f"{name(ref.workload)} names service account {ref.name}, which does not exist",
            seen=[seen],
            at=None,
            detector=DETECTOR.name,
            name=ref.name,
        )
    if ref.optional or ref.via == "imagePullSecrets":
        return None
    key = ref.key if ref.exists is not False else ""
    what = f"key {key} of {ref.kind} {ref.name}" if key else f"{ref.kind} {ref.name}"
    return state(
        CONFIG_REF_MISSING,
        entity=ref.workload,
        text=f"{name(ref.workload)} needs {what} ({ref.via}), which does not exist",
        seen=[seen],
        at=None,
        detector=DETECTOR.name,
        ref_kind=ref.kind.value,
        ref_name=ref.name,
        ref_key=key or None,
        optional=ref.optional,
        via=ref.via,
        container=ref.container or None,
    )


DETECTOR = Detector(
    name="kubernetes.config_refs",
    emits=(CONFIG_REF_MISSING, SERVICEACCOUNT_MISSING),
    needs=(ConfigRefs,),
    detect=detect,
)
