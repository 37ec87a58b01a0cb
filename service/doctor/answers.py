"""The five questions about the estate: what an agent can do here by itself, from what the checks found. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime

from incidents.policy import Effect, Policy, PolicyRule
from orchestrator.executor.readiness import ActionReadiness, Readiness
from service.doctor.argocd import ArgoCDView
from service.doctor.finding import Answer, Yes
from service.doctor.github import GitHubView
from service.doctor.kubernetes import listed
from service.doctor.prometheus import PrometheusView

PREVIEW = re.compile(r"(^|[-_/])(pr|preview|review|ephemeral|mr)([-_/]?\d+)?($|[-_/])", re.IGNORECASE)
"""How environments of a pull request are named: `pr-12`, `preview`, `review/feature`."""
ROLLBACKS = ("rollback_workload", "argocd_rollback")


@dataclass(frozen=True, kw_only=True)
class Estate:
    """What the checks saw of one cluster; None where nothing could be seen."""

    cluster: str
    prometheus: PrometheusView | None = None
    argocd: ArgoCDView | None = None
    github: GitHubView | None = None
    writing: Readiness | None = None
    policy: Policy | None = None
    now: datetime

    def action(self, kind: str) -> ActionReadiness | None:
        """How ready an action is; None when this process could not look."""
        return next((one for one in self.writing.actions if one.kind == kind), None) if self.writing else None


def answers(estate: Estate) -> tuple[Answer, ...]:
    """All five, in their order."""
    return (
        open_pull_request(estate),
        trigger_ci(estate),
        preview_environment(estate),
        scoped_metrics(estate),
        roll_back(estate),
    )


def open_pull_request(estate: Estate) -> Answer:
    """Whether the executor may push a branch and open a pull request."""
    action = estate.action("revert_pull_request")
    question = "open a pull request"
    if action is None:
        return _answer(
            estate, question, Yes.NO, "write credentials were not looked at", "run doctor with the executor's settings"
        )
    if not action.ready:
        how = "give the executor a token (github_write) with Contents and Pull requests: write"
        return _answer(estate, question, Yes.NO, listed(action.missing), how)
    if action.note.startswith("no repository"):
        return _answer(estate, question, Yes.PARTLY, action.note, "name the repositories in the settings")
    return _answer(
        estate,
        question,
        Yes.YES,
        "the executor's token may push branches and open pull requests; Midwatch opens reverts only",
    )


def trigger_ci(estate: Estate) -> Answer:
    """Whether workflows run on what an agent can do."""
    question = "trigger CI"
    events = estate.github.events if estate.github else ()
    started = [event for event in events if event in ("pull_request", "push", "pull_request_target")]
    opens = open_pull_request(estate).answer
    if not started:
        seen = f"the latest workflow runs were started by {listed(events)}" if events else "no workflow run is seen"
        return _answer(
            estate, question, Yes.NO, seen, "run the workflows on pull_request, and let the token read Actions"
        )
    evidence = f"workflows run on {listed(started)}"
    if opens is Yes.YES and {"pull_request", "pull_request_target"} & set(started):
        return _answer(estate, question, Yes.YES, f"{evidence}, and a pull request can be opened")
    how = "let it open pull requests (see above)" if opens is not Yes.YES else "run the workflows on pull_request too"
    return _answer(estate, question, Yes.PARTLY, evidence, how)


def preview_environment(estate: Estate) -> Answer:
    """Whether pull requests are seen to get an environment of their own."""
    question = "get a preview environment"
    environments = [name for name in (estate.github.environments if estate.github else ()) if PREVIEW.search(name)]
    applications = estate.argocd.applications if estate.argocd else ()
    made = [one.name for one in applications if PREVIEW.search(one.name) or PREVIEW.search(one.target_revision)]
    if not environments and not made:
        seen = "no deployment and no Argo CD application is named like one of a pull request"
        how = "make one per pull request (an ApplicationSet with the pullRequest generator, or a deploy workflow)"
        return _answer(estate, question, Yes.NO, seen, how)
    parts = [f"deployments to {listed(environments)}"] if environments else []
    parts += [f"Argo CD applications {listed(made)}"] if made else []
    if open_pull_request(estate).answer is Yes.YES:
        return _answer(estate, question, Yes.YES, f"{' and '.join(parts)}, and a pull request can be opened")
    return _answer(estate, question, Yes.PARTLY, " and ".join(parts), "let it open pull requests (see above)")


def scoped_metrics(estate: Estate) -> Answer:
    """Whether request metrics name the service and its namespace."""
    question = "read production metrics scoped to one service"
    seen = estate.prometheus
    if seen is None or not seen.counter:
        evidence = "no Prometheus can be read" if seen is None else "no known request metric exists"
        how = "connect Prometheus, and have services export http_server_request_duration_seconds (OpenTelemetry)"
        return _answer(estate, question, Yes.NO, evidence, how)
    evidence = f"{seen.counter} by {listed(seen.service_labels) or 'no label that names the service'}"
    if not seen.service_labels:
        return _answer(
            estate, question, Yes.NO, evidence, "give it a label that names the service (service, job or app)"
        )
    if not seen.namespace_labels:
        how = "add the namespace: services of one name in two namespaces are counted as one"
        return _answer(estate, question, Yes.PARTLY, evidence, how)
    if not seen.fresh:
        return _answer(
            estate, question, Yes.PARTLY, f"{evidence}; no sample of the last minutes", "repair the scraping"
        )
    return _answer(estate, question, Yes.YES, f"{evidence} and {seen.namespace_labels[0]}")


def roll_back(estate: Estate) -> Answer:
    """Whether a rollback can be executed, and whether a pre-approval stands for it."""
    question = "roll back without paging someone"
    able = [kind for kind in ROLLBACKS if (action := estate.action(kind)) is not None and action.ready]
    if not able:
        missing = [text for kind in ROLLBACKS if (action := estate.action(kind)) for text in action.missing]
        evidence = listed(list(dict.fromkeys(missing))) if missing else "write credentials were not looked at"
        return _answer(estate, question, Yes.NO, evidence, "give the executor its role (deploy/kubernetes/rbac.yaml)")
    standing = [rule for kind in able for rule in _preapprovals(estate, kind)]
    evidence = f"{' and '.join(able)} can be executed"
    if not standing:
        how = "write a pre-approval into the policy (effect: allow, with actions, namespaces and until)"
        return _answer(estate, question, Yes.PARTLY, f"{evidence}, after a person's click", how)
    rule = standing[0]
    where = ", ".join((*rule.clusters, *rule.namespaces))
    until = f"{rule.until:%Y-%m-%d}" if rule.until else ""
    return _answer(estate, question, Yes.YES, f"{evidence}; `{rule.name}` allows it in {where} until {until}")


def _preapprovals(estate: Estate, kind: str) -> list[PolicyRule]:
    rules = estate.policy.rules if estate.policy else ()
    return [
        rule
        for rule in rules
        if rule.effect is Effect.ALLOW
        and rule.until is not None
        and estate.now < rule.until
        and (not rule.actions or kind in rule.actions)
        and (not rule.clusters or estate.cluster in rule.clusters)
    ]


def _answer(estate: Estate, question: str, answer: Yes, evidence: str, how: str = "") -> Answer:
    return Answer(
        cluster=estate.cluster, question=f"Can an agent {question}?", answer=answer, evidence=evidence, how=how
    )
