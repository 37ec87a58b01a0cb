"""What detectors read out of Argo CD's and GitHub's answers, and how a revision finds its commit."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from agents.detector import Scene
from incidents.evidence import Source
from incidents.topology import Edge, Relation, Topology
from tests.agents.cases import NOW, ONSET, case, entity
from tests.agents.cicd.estate import container, detect, rollout, rollouts, seen, template
from tools.argocd.application import Application, AutoSync, Deployed, ManagedResource, Operation
from tools.argocd.probes.applications import ApplicationsView
from tools.github.client import ChangedFile, Commit, Comparison, Deployment, WorkflowRun
from tools.github.probes.compare import CompareView
from tools.github.probes.deployments import DeploymentsView
from tools.github.probes.workflow_runs import WorkflowRunsView
from tools.probe import Observation

OLD, NEW = "a" * 40, "8f2c1d7" + "b" * 33
REPOSITORY = "harbour/checkout"


def at(minutes: float) -> datetime:
    return ONSET + timedelta(minutes=minutes)


def application(**changes: Any) -> Application:
    resource = ManagedResource(kind="Deployment", namespace="shop", name="checkout", sync="Synced", health="Healthy")
    return Application(
        name="checkout",
        repository=f"https://github.com/{REPOSITORY}.git",
        destination_namespace="shop",
        sync="Synced",
        health="Healthy",
        revision=NEW,
        auto_sync=AutoSync(),
        resources=(resource,),
        history=(
            Deployed(id=3, revision=OLD, deployed_at=at(-3000), started_at=at(-3001)),
            Deployed(id=4, revision=NEW, deployed_at=at(-1.9), started_at=at(-2.2)),
        ),
    ).model_copy(update=changes)


def applications(*apps: Application) -> Observation[Any]:
    return seen(ApplicationsView(applications=apps), "prod-eu/-/application/checkout", source=Source.ARGOCD)


def deployments(*found: Deployment) -> Observation[Any]:
    view = DeploymentsView(repository=REPOSITORY, deployments=found)
    return seen(view, f"prod-eu/-/repository/{REPOSITORY}", source=Source.GITHUB)


def deployment(sha: str, minutes: float, **changes: Any) -> Deployment:
    known = Deployment(
        id=1, sha=sha, ref="main", environment="production", creator="ci-bot", created_at=at(minutes), state="success"
    )
    return known.model_copy(update=changes)


def compared(*files: ChangedFile, author: str = "checkout-dev") -> Observation[Any]:
    commit = Commit(sha=NEW, message="Right-size checkout\n\nUse what the dashboard shows.", author=author)
    comparison = Comparison(base=OLD, head=NEW, status="ahead", commits=(commit,), files=files, total_commits=1)
    return seen(CompareView(repository=REPOSITORY, comparison=comparison), source=Source.GITHUB)


def built(*names: str) -> Scene:
    """A scene in which these workloads are known to be built from the repository."""
    repository = f"prod-eu/-/repository/{REPOSITORY}"
    edges = [Edge(source=entity(name), relation=Relation.BUILT_FROM, target=repository) for name in names]
    given = case()
    mapped = given.model_copy(update={"topology": given.topology + Topology.of(edges)})
    return Scene(case=mapped, now=NOW, entities=(entity("checkout"),))


LOWERED = rollouts(
    rollout("checkout", (-3000, template(container(memory="512Mi"))), (-2, template(container(memory="256Mi"))))
)


def test_a_revision_gets_the_commit_of_the_sync_it_came_from() -> None:
    fact = detect("memory_limit", LOWERED, applications(application()))[0]
    assert fact.text == "deploy 8f2c1d7 lowered the memory limit of checkout 512Mi -> 256Mi at 02:33"
    assert (fact.attributes["commit"], fact.attributes["previous_history_id"]) == (NEW, 3)
    assert len(fact.evidence) == 2


@pytest.mark.parametrize(
    ("created", "names", "changes", "expected"),
    [
        pytest.param(-3, ["checkout"], {}, NEW, id="announced right before it"),
        pytest.param(-60, ["checkout"], {}, None, id="announced an hour before it"),
        pytest.param(3, ["checkout"], {}, None, id="announced after it"),
        pytest.param(-3, ["checkout", "cart"], {}, None, id="one of two workloads, and the deployment names neither"),
        pytest.param(-3, ["checkout", "cart"], {"description": "Deploy checkout 1.42.1"}, NEW, id="one of two, named"),
        pytest.param(-3, [], {}, None, id="a repository that it is not known to be built from"),
    ],
)
def test_a_revision_gets_the_commit_of_the_deployment_announced_before_it(
    created: float, names: list[str], changes: dict[str, Any], expected: str | None
) -> None:
    told = deployments(deployment(NEW, created, **changes), deployment(OLD, -3000))
    fact = detect("memory_limit", LOWERED, told, of=built(*names))[0]
    assert fact.attributes.get("commit") == expected


def test_a_deployment_of_the_image_s_tag_is_its_origin_at_any_time() -> None:
    history = rollouts(
        rollout(
            "checkout",
            (-3000, template(container(image="shop/checkout:1.42.0"))),
            (-2, template(container(image="shop/checkout:1.42.1"))),
        )
    )
    told = deployments(deployment(NEW, -600, ref="v1.42.1"), deployment(OLD, -3000, ref="v1.42.0"))
    newest = next(f for f in detect("image_changed", history, told, of=built("checkout")))
    assert newest.attributes["commit"] == NEW


def test_the_author_of_the_commit_is_the_actor() -> None:
    history = LOWERED, applications(application()), compared()
    assert detect("memory_limit", *history)[0].attributes["actor"] == "checkout-dev"
    deployed = next(f for f in detect("deployed", *history) if f.attributes["revision"] == 42)
    assert deployed.text == "deploy 8f2c1d7 rolled out checkout (revision 41 -> 42, 1 field) at 02:33 by checkout-dev"
    assert deployed.attributes["cause"] == "Right-size checkout"


def test_code_that_a_deploy_brought_is_told_with_what_it_touches() -> None:
    timeout = ChangedFile(path="app/client.py", status="modified", patch="-TIMEOUT_SECONDS = 5\n+TIMEOUT_SECONDS = 1")
    facts = detect("code", LOWERED, applications(application()), compared(timeout))
    assert [fact.text for fact in facts] == [
        'commit 8f2c1d7 "Right-size checkout" by checkout-dev in checkout touches TIMEOUT_SECONDS 5 -> 1 at 02:33'
    ]
    assert facts[0].attributes["timeouts"] == "TIMEOUT_SECONDS 5 -> 1"
    assert facts[0].attributes["files"] == "app/client.py"


def test_a_commit_that_only_changes_manifests_is_no_code() -> None:
    manifest = ChangedFile(path="deploy/deployment.yaml", status="modified", patch="-memory: 512Mi\n+memory: 256Mi")
    assert detect("code", LOWERED, applications(application()), compared(manifest)) == []


ARGO = [
    pytest.param("argocd_out_of_sync", {}, [], id="an application in sync is not out of sync"),
    pytest.param(
        "argocd_out_of_sync", {"sync": "OutOfSync"}, ["application checkout is out of sync with Git"], id="out of sync"
    ),
    pytest.param("argocd_degraded", {}, [], id="a healthy application is not degraded"),
    pytest.param(
        "argocd_degraded",
        {"health": "Degraded", "health_message": "2 of 6 pods"},
        ["application checkout is degraded: 2 of 6 pods"],
        id="degraded with Argo CD's reason",
    ),
    pytest.param("argocd_degraded", {"health": "Progressing"}, [], id="progressing is not degraded"),
    pytest.param("argocd_auto_sync_off", {}, [], id="automated sync is on"),
    pytest.param(
        "argocd_auto_sync_off",
        {"auto_sync": None},
        ["application checkout is not synchronised automatically"],
        id="automated sync is off",
    ),
    pytest.param("argocd_sync_failed", {"operation": Operation(phase="Succeeded")}, [], id="a sync that succeeded"),
    pytest.param(
        "argocd_sync_failed",
        {"operation": Operation(phase="Failed", message="deployments.apps is invalid: spec", finished_at=at(-3))},
        ["the sync of application checkout failed at 02:32: deployments.apps is invalid: spec"],
        id="a sync that failed",
    ),
]


@pytest.mark.parametrize(("detector", "changes", "expected"), ARGO)
def test_an_application_is_read(detector: str, changes: dict[str, Any], expected: list[str]) -> None:
    facts = detect(detector, applications(application(**changes)))
    assert [fact.text for fact in facts] == expected
    assert all(fact.related == (entity("checkout"),) for fact in facts)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('Deployment.apps "x" is invalid: spec.selector: field is immutable', "immutable"),
        ("pods is forbidden: exceeded quota: compute", "quota"),
        ('admission webhook "policy.example" denied the request', "denied"),
        ("deployments.apps is forbidden: User cannot patch", "forbidden"),
        ("one or more synchronization tasks completed unsuccessfully: hook failed", "hook"),
        ("rpc error: authentication required", "repository"),
        ("dial tcp 10.0.0.1:443: i/o timeout", "connection"),
        ("something else", "other"),
    ],
)
def test_the_reason_of_a_failed_sync_has_a_class(message: str, expected: str) -> None:
    failed = application(operation=Operation(phase="Failed", message=message))
    assert [f.attributes["message_class"] for f in detect("argocd_sync_failed", applications(failed))] == [expected]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([deployment(NEW, -3, state="success")], [], id="a deployment that succeeded"),
        pytest.param(
            [deployment(NEW, -3, state="failure", state_text="smoke test failed", state_at=at(-1))],
            ["the deployment of 8f2c1d7 to production failed at 02:34: smoke test failed"],
            id="a deployment that failed",
        ),
        pytest.param(
            [deployment(NEW, -1), deployment(OLD, -5, state="failure")], [], id="a failure that a later one replaced"
        ),
        pytest.param(
            [deployment(NEW, -1, environment="staging"), deployment(NEW, -5, state="error")],
            ["the deployment of 8f2c1d7 to production failed at 02:30"],
            id="another environment replaces nothing",
        ),
        pytest.param([deployment(NEW, -9000, state="failure")], [], id="a failure of last week"),
    ],
)
def test_a_deployment_that_failed_is_told_of_the_workload(found: list[Deployment], expected: list[str]) -> None:
    facts = detect("deploy_failed", deployments(*found), of=built("checkout"))
    assert [fact.text for fact in facts] == expected
    assert all(fact.entity == entity("checkout") for fact in facts)


def run(conclusion: str, minutes: float, **changes: Any) -> WorkflowRun:
    known = WorkflowRun(
        id=7, name="deploy", branch="main", sha=NEW, event="push", status="completed", conclusion=conclusion,
        actor="checkout-dev", created_at=at(minutes), failed_steps=("build / compile",) if conclusion == "failure" else (),
    )  # fmt: skip
    return known.model_copy(update=changes)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        pytest.param([run("success", -2), run("failure", -9)], [], id="a workflow that works again"),
        pytest.param(
            [run("failure", -2), run("success", -9)],
            ["workflow deploy of harbour/checkout failed at build / compile on main at 02:33"],
            id="a workflow that fails now",
        ),
        pytest.param([run("", -1), run("failure", -2)], ["failed"], id="a run under way says nothing yet"),
        pytest.param([run("failure", -2, event="pull_request")], [], id="what is only proposed"),
        pytest.param([run("cancelled", -2)], [], id="cancelled is not failed"),
    ],
)
def test_a_workflow_that_fails_is_told_of_the_repository(runs: list[WorkflowRun], expected: list[str]) -> None:
    view = WorkflowRunsView(repository=REPOSITORY, runs=tuple(runs))
    repository = f"prod-eu/-/repository/{REPOSITORY}"
    facts = detect("workflow_failing", seen(view, repository, source=Source.GITHUB), of=built("checkout"))
    assert len(facts) == len(expected)
    assert all(want in fact.text for fact, want in zip(facts, expected, strict=True))
    assert all((fact.entity, fact.related) == (repository, (entity("checkout"),)) for fact in facts)
