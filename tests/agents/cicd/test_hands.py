"""Who stands behind a field manager, by the names that clients give themselves."""

import pytest

from agents.cicd.hands import Hand, hand_of


def test_plain_kubectl_that_updates_is_a_person_scaling() -> None:
    assert hand_of("kubectl", operation="Update") is Hand.PERSON
    assert hand_of("kubectl", operation="Apply") is Hand.APPLY


@pytest.mark.parametrize(
    ("manager", "expected"),
    [
        ("kubectl-edit", Hand.PERSON),
        ("kubectl-scale", Hand.PERSON),
        ("kubectl-rollout", Hand.PERSON),
        ("k9s", Hand.PERSON),
        ("node-fetch", Hand.PERSON),
        ("kubectl-client-side-apply", Hand.APPLY),
        ("kubectl", Hand.APPLY),
        ("argocd-controller", Hand.PIPELINE),
        ("argocd-application-controller", Hand.PIPELINE),
        ("helm", Hand.PIPELINE),
        ("kustomize-controller", Hand.PIPELINE),
        ("Terraform", Hand.PIPELINE),
        ("kube-controller-manager", Hand.CONTROLLER),
        ("external-secrets", Hand.CONTROLLER),
        ("vpa-updater", Hand.CONTROLLER),
        ("midwatch", Hand.MIDWATCH),
        ("python-requests", Hand.UNKNOWN),
    ],
)
def test_a_manager_has_somebody_behind_it(manager: str, expected: Hand) -> None:
    assert hand_of(manager) is expected
