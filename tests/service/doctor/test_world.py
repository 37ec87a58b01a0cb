"""Doctor against a served estate: as it should be, and broken in the ways in which estates break."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from rich.console import Console

from orchestrator.settings import Role, Settings
from service.demo.estate import World
from service.doctor.finding import State, Yes
from service.doctor.report import examine
from service.doctor.showing import shown
from tests.service.doctor.estate import changed, row, settings_of, silent_server, watched, world_process
from tools.action import actions
from tools.estate import Connections, Endpoint, KubernetesAccess


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[World, str]]:
    """A world as it should be, for the tests that change only how it is reached."""
    with world_process() as served:
        yield served


@pytest.fixture
def settings(world: tuple[World, str], tmp_path: Path) -> Settings:
    """Settings that watch it."""
    return settings_of(*world, folder=tmp_path)


async def test_an_estate_that_works_is_told_so_and_all_five_questions_are_answered(settings: Settings) -> None:
    report = await examine(settings)
    assert report.healthy
    states = {finding.what: finding.state for finding in report.findings if finding.cluster}
    for what in ("Kubernetes, reading", "Prometheus", "Loki", "Argo CD", "GitHub", "OpenCost"):
        assert states[what] is State.OK, row(report, what)
    able = set(row(report, "Actions").sees)
    assert able == {action.card.title for action in actions().values()}
    answers = {answer.question.removeprefix("Can an agent "): answer for answer in report.answers}
    assert list(answers) == [
        "open a pull request?",
        "trigger CI?",
        "get a preview environment?",
        "read production metrics scoped to one service?",
        "roll back without paging someone?",
    ]
    assert answers["open a pull request?"].answer is Yes.YES
    assert answers["read production metrics scoped to one service?"].answer is Yes.YES
    assert "service" in answers["read production metrics scoped to one service?"].evidence
    assert answers["roll back without paging someone?"].answer is Yes.PARTLY, "a person still has to click"
    assert all(answer.how for answer in report.answers if answer.answer is not Yes.YES)


async def test_a_wrong_token_fails_that_system_and_no_other(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "reader.kubeconfig"
    path.write_text(path.read_text().replace('"token": "', '"token": "not-'))
    report = await examine(settings)
    kubernetes = row(report, "Kubernetes, reading")
    assert kubernetes.state is State.FAILED
    assert "does not accept these credentials" in kubernetes.found
    assert "clusters[prod-eu-1].kubernetes" in kubernetes.do
    assert not report.healthy
    assert [f.what for f in report.findings if f.state is State.FAILED] == ["Kubernetes, reading"]


async def test_a_wrong_token_of_github_is_told_with_what_it_hides(settings: Settings) -> None:
    github = settings.clusters[0].github
    assert github is not None
    report = await examine(changed(settings, github=github.model_copy(update={"token": SecretStr("wrong")})))
    found = row(report, "GitHub")
    assert found.state is State.FAILED
    assert "401" in found.found
    assert "pull requests" in found.blind


async def test_what_cannot_be_reached_is_named_and_the_others_are_looked_at_all_the_same(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
        async with watched(tmp_path, unavailable=("loki",)) as settings:
            report = await examine(changed(settings, prometheus=Endpoint(url=closed)))
    assert row(report, "Prometheus").state is State.FAILED
    assert "cannot be reached" in row(report, "Prometheus").found
    assert row(report, "Loki").state is State.FAILED
    assert "503" in row(report, "Loki").found
    assert row(report, "Kubernetes, reading").state is State.OK
    scoped = next(answer for answer in report.answers if "metrics" in answer.question)
    assert (scoped.answer, scoped.evidence) == (Yes.NO, "no Prometheus can be read")


async def test_a_system_that_never_answers_holds_up_nobody(settings: Settings) -> None:
    async with silent_server() as url:
        async with asyncio.timeout(120):
            report = await examine(changed(settings, opencost=Endpoint(url=url, timeout_seconds=0.3)))
    assert row(report, "OpenCost").state is State.FAILED
    assert "did not answer" in row(report, "OpenCost").found
    assert row(report, "Prometheus").state is State.OK


async def test_each_forbidden_resource_becomes_a_gap_and_the_action_that_needs_it_cannot_be_executed(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path, forbidden_resources=("pods/log", "nodes")) as settings:
        report = await examine(settings)
    reading = row(report, "Kubernetes, reading")
    assert reading.state is State.DEGRADED
    assert {"logs by the Kubernetes API", "the health of nodes"} < set(reading.blind)
    assert "get pods/log" in reading.found
    assert "deploy/kubernetes/rbac.yaml" in reading.do
    acting = row(report, "Actions")
    assert acting.state is State.DEGRADED
    assert "cordon_node, uncordon_node lack get nodes, patch nodes" in acting.found
    assert "Cordon a node" in acting.blind
    assert "Roll a workload back" in acting.sees


async def test_without_events_most_causes_cannot_be_found(tmp_path: Path) -> None:
    async with watched(tmp_path, forbidden_resources=("events",)) as settings:
        report = await examine(settings)
    reading = row(report, "Kubernetes, reading")
    assert reading.state is State.FAILED
    assert reading.means == "most causes cannot be found: events cannot be read"


async def test_metrics_that_nobody_scrapes_are_missed(tmp_path: Path) -> None:
    async with watched(tmp_path, missing_metrics=("kube_", "http_server_", "http_requests", "istio_")) as settings:
        report = await examine(settings)
    metrics = row(report, "Prometheus")
    assert metrics.state is State.DEGRADED
    assert {"errors, latency and traffic of services", "restarts, replicas and limits over time"} <= set(metrics.blind)
    assert metrics.do.startswith("have it scrape request metrics, kube-state-metrics")


async def test_credentials_for_writing_are_looked_at_by_an_executor_only(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "executor.kubeconfig").unlink()  # would fail whoever tried to use it
    report = await examine(settings.model_copy(update={"roles": (Role.WEB, Role.WORKER)}))
    acting = row(report, "Actions")
    assert acting.state is State.MISSING
    assert "no executor role" in acting.found
    assert report.healthy


async def test_without_write_credentials_midwatch_only_proposes(settings: Settings) -> None:
    none: dict[str, Any] = {"kubernetes_write": None, "argocd_write": None, "github_write": None}
    report = await examine(changed(settings, **none, alertmanager=None))
    acting = row(report, "Actions")
    assert acting.state is State.MISSING
    assert acting.means == "Midwatch investigates and proposes; people carry it out"
    answers = {answer.question: answer.answer for answer in report.answers}
    assert answers["Can an agent open a pull request?"] is Yes.NO
    assert answers["Can an agent roll back without paging someone?"] is Yes.NO


async def test_an_address_that_is_none_is_a_row(tmp_path: Path) -> None:
    connections = Connections(name="prod-eu", prometheus=Endpoint(url="http://"))
    settings = Settings(data_dir=tmp_path, clusters=(connections,), roles=(Role.WEB,))
    report = await examine(settings)
    assert row(report, "Connections").state is State.FAILED
    assert "write http://host:port" in row(report, "Connections").found


async def test_a_kubeconfig_that_is_not_there_is_a_row(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    access = KubernetesAccess(kubeconfig=str(tmp_path / "none"))
    settings = Settings(
        data_dir=tmp_path, clusters=(Connections(name="prod-eu", kubernetes=access),), roles=(Role.WEB,)
    )
    report = await examine(settings)
    assert row(report, "Kubernetes, reading").state is State.FAILED
    assert "cannot be used: there is no such file" in row(report, "Kubernetes, reading").found
    assert "as the message says" in row(report, "Kubernetes, reading").do
    assert row(report, "Kubernetes, reading").means.startswith("not seen: ")
    assert capfd.readouterr().out == "", "nothing is printed past the report"


async def test_a_ca_file_that_is_not_there_is_a_row_and_holds_up_no_other(tmp_path: Path) -> None:
    prometheus = Endpoint(url="https://127.0.0.1:9", ca_file=str(tmp_path / "none.pem"))
    connections = Connections(name="prod-eu", prometheus=prometheus)
    settings = Settings(data_dir=tmp_path, clusters=(connections,), roles=(Role.WEB,))
    report = await examine(settings)
    assert row(report, "Prometheus").state is State.FAILED
    assert "ca_file" in row(report, "Prometheus").found
    assert row(report, "Policy").state is State.OK


async def test_no_secret_is_shown(settings: Settings, tmp_path: Path) -> None:
    access = KubernetesAccess(kubeconfig=str(tmp_path / "executor.kubeconfig"))
    report = await examine(changed(settings, kubernetes=access, argocd=Endpoint(url="http://127.0.0.1:1")))
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(shown(report))
    text = report.model_dump_json() + console.export_text()
    kubeconfigs = [json.loads((tmp_path / f"{who}.kubeconfig").read_text()) for who in ("reader", "executor")]
    secrets = [kubeconfig["users"][0]["user"]["token"] for kubeconfig in kubeconfigs]
    secrets += [settings.people[0].token.get_secret_value(), settings.webhook.tokens[0].get_secret_value()]
    assert [secret for secret in secrets if secret in text] == []


async def test_a_reader_that_may_write_is_told_to_give_that_up(settings: Settings, tmp_path: Path) -> None:
    access = KubernetesAccess(kubeconfig=str(tmp_path / "executor.kubeconfig"))
    report = await examine(changed(settings, kubernetes=access))
    reading = row(report, "Kubernetes, reading")
    assert reading.state is State.DEGRADED
    assert "may change things: patch deployments.apps" in reading.found
    assert "take those permissions from the reader" in reading.do


@pytest.mark.parametrize("width", [60, 80, 150])
async def test_the_report_fits_the_terminal(settings: Settings, width: int) -> None:
    report = await examine(settings)
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(shown(report))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    for state in ("● ok", "○ missing"):
        assert any(state in line for line in lines)
