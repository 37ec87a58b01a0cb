"""What tokens of GitHub and accounts of Argo CD may do, asked over the wire of servers that answer as those do."""

from __future__ import annotations

import pytest

from orchestrator.executor.readiness import ActionReadiness, survey_writing
from service.doctor.finding import State
from service.doctor.github import check
from tests.tools.scripted_server import Asked, Said, scripted
from tools.clock import SystemClock
from tools.connect import connect
from tools.estate import Connections, Endpoint

REPOSITORY = {"id": 1, "full_name": "example/shop", "default_branch": "main", "permissions": {"push": True}}
DENIED = Said({"message": "Resource not accessible by personal access token"}, status=403)
INVALID = Said({"message": "Validation Failed"}, status=422)


class GitHub:
    """A token with these permissions; what it may not is answered as `refusal`."""

    def __init__(self, *granted: str, refusal: Said = DENIED, scopes: str = "") -> None:
        self.granted, self.refusal, self.headers = granted, refusal, {"x-oauth-scopes": scopes}

    def __call__(self, asked: Asked) -> Said:
        match asked.method, asked.path.removeprefix("/repos/example/shop"):
            case "GET", "":
                return Said(REPOSITORY, headers=self.headers)
            case "GET", "/pulls":
                return Said([]) if "pulls" in self.granted else self.refusal
            case "GET", "/actions/runs":
                return Said({"workflow_runs": []}) if "actions" in self.granted else self.refusal
            case "GET", _:
                return Said([])
            case "POST", "/git/refs":
                assert asked.json["sha"] == "0" * 40, "a trial must not be able to succeed"
                return INVALID if "write contents" in self.granted else self.refusal
            case "POST", "/pulls":
                return INVALID if "write pulls" in self.granted else self.refusal
            case _:
                raise AssertionError(f"{asked.method} {asked.path} was not expected")


async def revert(github: GitHub) -> ActionReadiness:
    async with scripted(github) as server:
        connections = Connections(name="prod", github_write=Endpoint(url=server.url))
        seen = await survey_writing(connections, clock=SystemClock(), repositories=("example/shop",))
    return next(action for action in seen.actions if action.kind == "revert_pull_request")


@pytest.mark.parametrize(
    ("github", "missing"),
    [
        pytest.param(GitHub("write contents", "write pulls"), (), id="both"),
        pytest.param(GitHub("write contents"), ("Pull requests: write in example/shop",), id="contents only"),
        pytest.param(
            GitHub(refusal=Said({"message": "Not Found"}, status=404)),
            ("Contents: write in example/shop", "Pull requests: write in example/shop"),
            id="a classic token without scopes is told 404",
        ),
    ],
)
async def test_a_revert_needs_a_branch_and_a_pull_request(github: GitHub, missing: tuple[str, ...]) -> None:
    assert (await revert(github)).missing == missing


async def test_a_trial_that_is_taken_is_no_permission_to_go_on() -> None:
    class Careless(GitHub):
        def __call__(self, asked: Asked) -> Said:
            return Said({}, status=201) if asked.method == "POST" else super().__call__(asked)

    ready = await revert(Careless())
    assert not ready.ready
    assert "look at the repository" in ready.missing[0]


@pytest.mark.parametrize(
    ("github", "state", "words"),
    [
        pytest.param(GitHub("pulls", "actions"), State.OK, "reads example/shop", id="reads everything"),
        pytest.param(GitHub("pulls"), State.DEGRADED, "may not read workflow runs", id="without Actions"),
        pytest.param(
            GitHub("pulls", "actions", scopes="repo, read:org"),
            State.DEGRADED,
            "a classic one that may write",
            id="a classic token",
        ),
    ],
)
async def test_reading(github: GitHub, state: State, words: str) -> None:
    async with scripted(github) as server:
        connections = Connections(name="prod", github=Endpoint(url=server.url))
        async with connect(connections, clock=SystemClock()) as cluster:
            _, found = await check(cluster, named=("example/shop",))
    assert found.state is state, found
    assert words in found.found


@pytest.mark.parametrize(
    ("allowed", "missing"),
    [
        pytest.param({"get", "sync", "update"}, (), id="all three"),
        pytest.param({"get", "sync"}, ("update applications in Argo CD",), id="automated sync cannot be turned off"),
        pytest.param({"get"}, ("sync applications in Argo CD", "update applications in Argo CD"), id="a reader"),
    ],
)
async def test_argo_cd_says_what_its_account_may_do(allowed: set[str], missing: tuple[str, ...]) -> None:
    def answer(asked: Asked) -> Said:
        *_, resource, verb, which = asked.path.split("/")
        assert (resource, which) == ("applications", "*")
        return Said({"value": "yes" if verb in allowed else "no"})

    async with scripted(answer) as server:
        connections = Connections(name="prod", argocd_write=Endpoint(url=server.url))
        seen = await survey_writing(connections, clock=SystemClock())
    assert next(a for a in seen.actions if a.kind == "argocd_rollback").missing == missing


NOBODY = Said({"error": "Bad credentials"}, status=401)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        pytest.param("argocd_rollback", "argocd_write", id="an Argo CD that does not say what the account may do"),
        pytest.param("revert_pull_request", "github_write", id="a GitHub of which no repository is known"),
    ],
)
async def test_a_token_that_is_none_is_not_told_to_be_ready(kind: str, written: str) -> None:
    def answer(asked: Asked) -> Said:
        return Said({}, status=404) if "can-i" in asked.path else NOBODY

    async with scripted(answer) as server:
        connections = Connections.model_validate({"name": "prod", written: {"url": server.url, "token": "wrong"}})
        seen = await survey_writing(connections, clock=SystemClock())
    [found] = [action for action in seen.actions if action.kind == kind]
    assert not found.ready
    assert found.missing[0].startswith("an answer: ")
    assert "401" in found.missing[0]
