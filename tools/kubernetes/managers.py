"""Who else writes an object: GitOps controllers, Helm, autoscalers. An action says so before it is approved."""

from incidents.entity import Entity, EntityKind
from tools.estate import WriteCluster
from tools.kubernetes.access import Need
from tools.kubernetes.change import client_of
from tools.kubernetes.document import Document
from tools.kubernetes.parallel import permitted
from tools.kubernetes.resources import RESOURCES

SEES_AUTOSCALERS = Need(verb="list", resource="horizontalpodautoscalers", group="autoscaling")
"""What `autoscaler_of` needs; without it an action does not know that its target is scaled by somebody else."""
_ARGOCD = "argocd.argoproj.io/tracking-id"
_ARGOCD_LABEL = "argocd.argoproj.io/instance"
_FLUX = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
_HELM = "meta.helm.sh/release-name"


def gitops_warnings(item: Document) -> tuple[str, ...]:
    """What will put the object back to what it holds, in words."""
    marks, labels = item.mapping("metadata", "annotations"), item.mapping("metadata", "labels")
    application = marks.get(_ARGOCD, "").split(":", 1)[0] or labels.get(_ARGOCD_LABEL, "")
    if application:
        return (f"Argo CD application {application} manages it: automatic sync would put it back to what git says",)
    flux = next((labels[key] for key in _FLUX if key in labels), "")
    if flux:
        return (f"Flux manages it ({flux}): the next reconciliation puts it back to what git says",)
    release = marks.get(_HELM, "")
    return (f"it belongs to Helm release {release}: the next upgrade puts it back",) if release else ()


async def autoscaler_of(cluster: WriteCluster, entity: Entity) -> str:
    """The HorizontalPodAutoscaler that scales a workload; empty when there is none or they may not be listed."""
    path = RESOURCES[EntityKind.HPA].collection(entity.namespace)
    found = await permitted(client_of(cluster).list(path))
    if isinstance(found, str):
        return ""
    for item in found.items:
        ref = item.at("spec", "scaleTargetRef")
        if ref.word("kind").lower() == entity.kind.value and ref.word("name") == entity.name:
            return item.word("metadata", "name")
    return ""
