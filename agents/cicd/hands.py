"""Who a field manager is: a controller, a pipeline, or a person at a keyboard. Pure.

Names are those that the clients themselves put into `metadata.managedFields`; kubectl writes `kubectl-<command>`.
"""

import re
from enum import StrEnum


class Hand(StrEnum):
    """Who stands behind a field manager."""

    CONTROLLER = "controller"
    """Kubernetes' own controllers and autoscalers, and operators: they follow what others want."""
    PIPELINE = "pipeline"
    """GitOps and CI: what it writes has a commit."""
    APPLY = "apply"
    """`kubectl apply`: a pipeline's last step as often as a person's."""
    PERSON = "person"
    """A person with an interactive tool."""
    MIDWATCH = "midwatch"
    UNKNOWN = "unknown"


_PATTERNS = (
    (Hand.MIDWATCH, re.compile(r"midwatch")),
    (
        Hand.PERSON,
        re.compile(
            r"kubectl-(edit|patch|scale|set|label|annotate|taint|cordon|uncordon|drain|rollout|autoscale|replace|expose"
            r"|run|delete|debug)|k9s|lens|freelens|openlens|node-fetch|mozilla|headlamp|dashboard|oc(-edit|-patch|$)"
        ),
    ),
    (Hand.APPLY, re.compile(r"kubectl($|-client-side-apply|-create|-last-applied|-apply)|before-first-apply")),
    (
        Hand.PIPELINE,
        re.compile(
            r"argocd|argo-cd|flux|kustomize-controller|helm|terraform|pulumi|tanka|spinnaker|clouddriver|jenkins|github"
            r"|gitlab|tekton|ansible|werf|skaffold|fleet|crossplane"
        ),
    ),
    (
        Hand.CONTROLLER,
        re.compile(
            r"kube-|kubelet|cloud-controller|controller|operator|autoscaler|vpa-|keda|external-secrets|cert-manager"
            r"|cainjector|istio|linkerd|kyverno|gatekeeper|manager$"
        ),
    ),
)


def hand_of(manager: str, *, operation: str = "") -> Hand:
    """Who stands behind a field manager's name. `operation` is `Apply` or `Update`, empty when not known.

    Plain `kubectl` that updates is `kubectl scale`: it writes the scale subresource without naming its command. With
    Apply it is `kubectl apply --server-side`.
    """
    name = manager.lower()
    if name == "kubectl" and operation == "Update":
        return Hand.PERSON
    return next(
        (hand for hand, pattern in _PATTERNS if pattern.match(name) or _inside(hand, pattern, name)), Hand.UNKNOWN
    )


def _inside(hand: Hand, pattern: re.Pattern[str], name: str) -> bool:
    """Names of pipelines and controllers stand anywhere in a manager's name; those of people's tools begin it."""
    return hand in {Hand.MIDWATCH, Hand.PIPELINE, Hand.CONTROLLER} and pattern.search(name) is not None
