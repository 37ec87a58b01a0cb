"""What a template refers to: every ConfigMap, Secret, key, ServiceAccount and claim that has to exist. Pure."""

from collections.abc import Iterator

from incidents.entity import EntityKind
from incidents.ids import EntityId
from tools.kubernetes.config_ref import ConfigRef
from tools.kubernetes.container import ContainerSpec
from tools.kubernetes.template import PodTemplate


def references(workload: EntityId, template: PodTemplate) -> tuple[ConfigRef, ...]:
    """All references of a template, each once; whether they exist is not known yet."""
    found: list[ConfigRef] = []
    for container in (*template.init_containers, *template.containers):
        found += _of_container(workload, container)
    found += _of_volumes(workload, template)
    found += [_ref(workload, EntityKind.SECRET, name, via="imagePullSecrets") for name in template.pull_secrets]
    found.append(_ref(workload, EntityKind.SERVICEACCOUNT, template.service_account, via="serviceAccountName"))
    return tuple(dict.fromkeys(found))


def _of_container(workload: EntityId, container: ContainerSpec) -> Iterator[ConfigRef]:
    for variable in container.env:
        if variable.ref_kind is not None:
            yield ConfigRef(
                workload=workload,
                container=container.name,
                kind=variable.ref_kind,
                name=variable.ref_name,
                key=variable.ref_key,
                optional=variable.optional,
                via=f"env {variable.name}",
                exists=None,
            )
    for source in container.env_from:
        yield ConfigRef(
            workload=workload,
            container=container.name,
            kind=source.kind,
            name=source.name,
            optional=source.optional,
            via="envFrom",
            exists=None,
        )


def _of_volumes(workload: EntityId, template: PodTemplate) -> Iterator[ConfigRef]:
    for volume in template.volumes:
        if volume.ref_kind is None or not volume.ref_name:
            continue
        for key in volume.ref_keys or ("",):
            yield ConfigRef(
                workload=workload,
                kind=volume.ref_kind,
                name=volume.ref_name,
                key=key,
                optional=volume.optional,
                via=f"volume {volume.name}",
                exists=None,
            )


def _ref(workload: EntityId, kind: EntityKind, name: str, *, via: str) -> ConfigRef:
    return ConfigRef(workload=workload, kind=kind, name=name, via=via, exists=None)
