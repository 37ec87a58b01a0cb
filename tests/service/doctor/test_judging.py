"""What doctor makes of what it saw. Tables; no system is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from incidents.ids import ActionKind
from incidents.policy import Effect, Policy, PolicyRule
from orchestrator.executor.readiness import NO_KUBERNETES, ActionReadiness, Readiness
from orchestrator.policy.load import load_policy
from orchestrator.settings import Model, Token, Webhook
from service.doctor import alertmanager, clocks, executor, github, governance
from service.doctor.answers import Estate, answers, roll_back, scoped_metrics
from service.doctor.argocd import ApplicationView, ArgoCDView
from service.doctor.finding import State, Yes
from service.doctor.github import GitHubView
from service.doctor.prometheus import PrometheusView
from tools.alertmanager.status import AlertmanagerStatus, receivers_in
from tools.github.permission import READ, RepositoryAccess
from tools.prometheus.status import PrometheusStatus

NOW = datetime(2026, 11, 17, 2, 47, tzinfo=UTC)
URL = "https://midwatch.example.com/api/v1/alerts/alertmanager"


def action(kind: str, *missing: str) -> ActionReadiness:
    return ActionReadiness(kind=ActionKind(kind), title=kind, ready=not missing, missing=missing)


def writing(*judged: ActionReadiness, excess: tuple[str, ...] = (), problem: str = "") -> Readiness:
    return Readiness(cluster="prod-eu", actions=judged, excess=excess, problem=problem)


def allowing(**changes: object) -> Policy:
    rule = PolicyRule.model_validate(
        {
            "name": "nights",
            "actions": ("rollback_workload",),
            "namespaces": ("shop",),
            "effect": Effect.ALLOW,
            "until": NOW + timedelta(days=1),
            **changes,
        }
    )
    default = load_policy()
    return default.model_copy(update={"rules": (rule, *default.rules)})


def metrics(**changes: object) -> PrometheusView:
    return PrometheusView.model_validate(
        {
            "status": PrometheusStatus(),
            "newest": NOW,
            "now": NOW,
            "history": timedelta(hours=1),
            "conventions": ("otel",),
            "counter": "http_server_request_duration_seconds_count",
            "service_labels": ("service",),
            "namespace_labels": ("namespace",),
            "exporters": (),
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("able", "policy", "expected"),
    [
        pytest.param(writing(action("rollback_workload")), allowing(), Yes.YES, id="a pre-approval that stands"),
        pytest.param(
            writing(action("rollback_workload")),
            allowing(until=NOW),
            Yes.PARTLY,
            id="a pre-approval that ended just now needs a click",
        ),
        pytest.param(
            writing(action("rollback_workload")),
            allowing(clusters=("prod-us",)),
            Yes.PARTLY,
            id="a pre-approval for another cluster",
        ),
        pytest.param(
            writing(action("rollback_workload")),
            allowing(actions=("scale_workload",)),
            Yes.PARTLY,
            id="a pre-approval for another action",
        ),
        pytest.param(writing(action("argocd_rollback")), load_policy(), Yes.PARTLY, id="by Argo CD, after a click"),
        pytest.param(
            writing(action("rollback_workload", "patch deployments.apps")), allowing(), Yes.NO, id="not permitted"
        ),
        pytest.param(None, allowing(), Yes.NO, id="nobody looked"),
    ],
)
def test_rolling_back_without_paging_someone(able: Readiness | None, policy: Policy, expected: Yes) -> None:
    answer = roll_back(Estate(cluster="prod-eu", writing=able, policy=policy, now=NOW))
    assert answer.answer is expected
    assert bool(answer.how) is (expected is not Yes.YES)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(metrics(), Yes.YES, id="service and namespace"),
        pytest.param(metrics(namespace_labels=()), Yes.PARTLY, id="without the namespace"),
        pytest.param(metrics(service_labels=()), Yes.NO, id="without the service"),
        pytest.param(metrics(counter="", conventions=()), Yes.NO, id="no request metrics"),
        pytest.param(metrics(newest=NOW - timedelta(minutes=6)), Yes.PARTLY, id="nothing scraped lately"),
        pytest.param(None, Yes.NO, id="no Prometheus"),
    ],
)
def test_metrics_scoped_to_one_service(seen: PrometheusView | None, expected: Yes) -> None:
    assert scoped_metrics(Estate(cluster="prod-eu", prometheus=seen, now=NOW)).answer is expected


def application(name: str, revision: str = "main") -> ApplicationView:
    return ApplicationView(
        name=name, repository="", target_revision=revision, namespace="shop", history=1, auto_sync=True
    )


@pytest.mark.parametrize(
    ("events", "environments", "applications", "expected"),
    [
        pytest.param(("pull_request",), ("pr-12",), (), (Yes.YES, Yes.YES, Yes.YES), id="all of it"),
        pytest.param(("push",), ("production",), (), (Yes.YES, Yes.PARTLY, Yes.NO), id="CI on push, no previews"),
        pytest.param(("schedule",), (), ("shop-preview-7",), (Yes.YES, Yes.NO, Yes.YES), id="previews by Argo CD"),
        pytest.param((), ("prod",), ("prometheus", "spring"), (Yes.YES, Yes.NO, Yes.NO), id="pr within a word is none"),
    ],
)
def test_pull_requests_ci_and_previews(
    events: tuple[str, ...], environments: tuple[str, ...], applications: tuple[str, ...], expected: tuple[Yes, ...]
) -> None:
    estate = Estate(
        cluster="prod-eu",
        argocd=ArgoCDView(applications=tuple(application(name) for name in applications)),
        github=GitHubView(repositories=(), events=events, environments=environments),
        writing=writing(action("revert_pull_request")),
        now=NOW,
    )
    assert tuple(answer.answer for answer in answers(estate)[:3]) == expected


def test_without_a_token_that_may_push_nothing_of_it_is_more_than_partly() -> None:
    estate = Estate(
        cluster="prod-eu",
        github=GitHubView(repositories=(), events=("pull_request",), environments=("pr-1",)),
        writing=writing(action("revert_pull_request", "Contents: write in example/shop")),
        now=NOW,
    )
    found = answers(estate)[:3]
    assert [answer.answer for answer in found] == [Yes.NO, Yes.PARTLY, Yes.PARTLY]
    assert "example/shop" in found[0].evidence


RECEIVERS = f"""
receivers:
- name: quiet
- name: us
  webhook_configs: [{{url: "{URL}", send_resolved: true}}]
- name: ours too
  webhook_configs: [{{url: "{URL}/", send_resolved: false}}]
- name: hidden
  webhook_configs: [{{url: <secret>}}]
"""


def test_receivers_are_read_from_the_configuration() -> None:
    found = {one.name: (one.ours, one.hidden, one.sends_resolved) for one in receivers_in(RECEIVERS)}
    assert found == {
        "quiet": (False, False, True),
        "us": (True, False, True),
        "ours too": (True, False, False),
        "hidden": (False, True, True),
    }


@pytest.mark.parametrize("text", ["", "[]", "a: [", "receivers: 5"], ids=["nothing", "a list", "broken", "a number"])
def test_a_configuration_that_is_none_has_no_receivers(text: str) -> None:
    assert receivers_in(text) == ()


@pytest.mark.parametrize(
    ("names", "since", "state", "words"),
    [
        pytest.param(("us",), None, State.OK, "us posts here", id="a receiver posts here"),
        pytest.param(("quiet",), None, State.DEGRADED, "none of its 1 receivers", id="no receiver posts here"),
        pytest.param(
            ("hidden",), timedelta(minutes=3), State.OK, "last delivery 3 min ago", id="hidden, but delivered"
        ),
        pytest.param(("hidden",), timedelta(days=3), State.DEGRADED, "are hidden", id="hidden, and silent for days"),
        pytest.param(("ours too",), None, State.DEGRADED, "ours too posts here", id="never sends what is resolved"),
    ],
)
def test_alertmanager(names: tuple[str, ...], since: timedelta | None, state: State, words: str) -> None:
    receivers = tuple(one for one in receivers_in(RECEIVERS) if one.name in names)
    found = alertmanager.judge(AlertmanagerStatus(receivers=receivers), cluster="prod-eu", since_delivery=since)
    assert found.state is state
    assert words in found.found


@pytest.mark.parametrize(
    ("since", "state"),
    [
        pytest.param(timedelta(hours=5), State.OK, id="repeated every four hours"),
        pytest.param(timedelta(hours=13), State.DEGRADED, id="silent for longer than anybody repeats"),
        pytest.param(None, State.OK, id="never sent here"),
    ],
)
def test_the_dead_mans_switch(since: timedelta | None, state: State) -> None:
    receivers = tuple(one for one in receivers_in(RECEIVERS) if one.name == "us")
    found = alertmanager.judge(
        AlertmanagerStatus(receivers=receivers), cluster="prod-eu", since_delivery=None, since_heartbeat=since
    )
    assert found.state is state
    assert ("Watchdog last heard" in found.found) is (since is not None)


@pytest.mark.parametrize(
    ("roles", "state", "words"),
    [
        pytest.param((), State.MISSING, "nobody can sign in", id="nobody"),
        pytest.param((("viewer",),), State.FAILED, "workload changes", id="nobody with a role that may approve"),
        pytest.param((("oncall",),), State.DEGRADED, "large workload changes", id="one, where two are asked for"),
        pytest.param((("oncall",), ("owner", "viewer")), State.OK, "can be approved", id="enough for every row"),
    ],
)
def test_people(roles: tuple[tuple[str, ...], ...], state: State, words: str) -> None:
    everybody = [
        Token.model_validate({"name": f"p{number}", "token": "0123456789abcdef", "roles": own})
        for number, own in enumerate(roles)
    ]
    found = governance.people(everybody, load_policy())
    assert found.state is state
    assert words in found.means


@pytest.mark.parametrize(
    ("apart", "state"),
    [
        pytest.param(0.0, State.OK, id="the same"),
        pytest.param(-4.0, State.OK, id="less than can be told"),
        pytest.param(30.0, State.DEGRADED, id="ahead"),
        pytest.param(-30.0, State.DEGRADED, id="behind"),
    ],
)
def test_clocks(apart: float, state: State) -> None:
    said = {"Kubernetes": NOW, "Prometheus": NOW + timedelta(seconds=apart)}
    found = clocks.check(said, now=NOW, virtual=False, cluster="prod-eu")
    assert found is not None
    assert found.state is state
    assert ("Prometheus is 30 s" in found.found) is (state is State.DEGRADED)


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        pytest.param(writing(action("a"), action("b")), State.OK, id="everything"),
        pytest.param(writing(action("a"), action("b", "patch nodes")), State.DEGRADED, id="one cannot"),
        pytest.param(writing(action("a"), excess=("get secrets",)), State.DEGRADED, id="more than is needed"),
        pytest.param(writing(action("a", "x"), problem="no connection"), State.FAILED, id="configured and broken"),
        pytest.param(
            writing(action("a", "x"), problem=NO_KUBERNETES),
            State.MISSING,
            id="not configured",
        ),
    ],
)
def test_actions(seen: Readiness, state: State) -> None:
    assert executor.judge(seen).state is state


def test_actions_that_lack_the_same_are_told_together() -> None:
    seen = writing(action("a"), action("b", "patch nodes"), action("c", "an answer: 401"), action("d", "patch nodes"))
    assert executor.judge(seen).found == "can be executed: a; b, d lack patch nodes; c lacks an answer: 401"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        pytest.param("https://github.com/example/shop.git", "example/shop", id="https"),
        pytest.param("https://github.com/example/shop", "example/shop", id="https without .git"),
        pytest.param("git@github.com:example/shop.git", "example/shop", id="ssh"),
        pytest.param("https://github.example.com/team/platform.live/", "team/platform.live", id="a dot and a slash"),
    ],
)
def test_repositories_of_applications(url: str, name: str) -> None:
    seen = ArgoCDView(applications=(application("shop").model_copy(update={"repository": url}),))
    assert github.repositories_of(["example/named"], seen) == ("example/named", name)


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        pytest.param(RepositoryAccess(repository="a/b", readable=tuple(READ)), State.OK, id="reads everything"),
        pytest.param(RepositoryAccess(repository="a/b", readable=("commits",)), State.DEGRADED, id="lacks some"),
        pytest.param(
            RepositoryAccess(repository="a/b", readable=tuple(READ), scopes=("repo",)),
            State.DEGRADED,
            id="a classic token that may write",
        ),
    ],
)
def test_github(seen: RepositoryAccess, state: State) -> None:
    assert github.judge(GitHubView(repositories=(seen,)), cluster="prod-eu").state is state


def test_a_webhook_without_credentials_takes_nothing() -> None:
    assert governance.webhook(Webhook()).state is State.MISSING


@pytest.mark.parametrize(
    ("name", "state"),
    [
        pytest.param("", State.MISSING, id="rules alone"),
        pytest.param("openai:gpt-5.2", State.OK, id="a model"),
        pytest.param("gpt-5.2", State.FAILED, id="a model of nobody"),
    ],
)
def test_model(name: str, state: State) -> None:
    assert governance.model(Model(name=name)).state is state
