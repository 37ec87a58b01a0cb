"""Our answer in the set's words, held against `tests/ground_truth.json`, which is read here and nowhere else."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.diagnostician.places import name_of
from evals.datasets.dataset import DatasetError, Judgement
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis, Hypothesis, Verdict
from incidents.fact import Fact
from incidents.ids import FactId

NONE = "none"
_REMEDIES: Mapping[str, frozenset[str]] = {
    "rotate-cert": frozenset({"certificate_expired"}),
    "scale": frozenset({"traffic_surge", "autoscaler_at_maximum", "replicas_lowered"}),
    "failover": frozenset({"external_dependency_down"}),
    "escalate-upstream": frozenset({"dns_failure", "external_dependency_down", "rate_limited"}),
}
"""Remedies of the set that are none of a commit's, by the causes of ours that call for them."""
_UNDOING = frozenset(
    {"rollback", "roll-forward", "config-revert", "revert", "roll-back", "rollforward", "feature-flag-disable"}
)
"""Remedies that take a commit back, or correct it: which of them is a matter of taste of the case's author."""


def judge(folder: Path, diagnosis: Diagnosis, case: CaseFile) -> Judgement:
    """Commit and first failing service have to be right."""
    truth = _truth(folder)
    commits = ranked_commits(diagnosis, case)
    commit, service = commits[0], first_failing(case)
    wanted = str(truth["root_cause_commit"])
    decoys = {str(sha) for sha in truth.get("decoy_deploy_commits", ())}
    right, first = _same(commit, wanted), service == truth["first_failing_service"]
    return Judgement(
        expected=f"{wanted[:8]} {truth['first_failing_service']} {truth.get('remediation', '')}",
        ranked=tuple(dict.fromkeys(sha[:8] for sha in commits)),
        correct=right and first,
        metrics={
            "AC@1": float(right),
            "AC@3": float(any(_same(one, wanted) for one in commits[:3])),
            "commit": float(right),
            "first_failing_service": float(first),
            "remediation": float(_remedied(diagnosis, commit, str(truth.get("remediation", "")))),
            "decoys_blamed": float(any(_same(commit, one) for one in decoys)),
        },
        notes=(f"first failing: {service}", f"leading cause: {_cause(diagnosis)}"),
    )


def ranked_commits(diagnosis: Diagnosis, case: CaseFile) -> tuple[str, ...]:
    """Commits in the order of our hypotheses; a hypothesis that blames no commit says `none`, and so does no answer."""
    if diagnosis.verdict is Verdict.INCONCLUSIVE and not _blamed(diagnosis.hypotheses[:1], case):
        return (NONE,)
    found = [commit for one in diagnosis.hypotheses for commit in (*_blamed([one], case), NONE)[:1]]
    return tuple(dict.fromkeys(found)) or (NONE,)


def _blamed(hypotheses: Sequence[Hypothesis], case: CaseFile) -> list[str]:
    """Commits whose content speaks for the hypotheses. A deploy that merely stands near is no blame."""
    facts = {fact.id: fact for fact in case.facts}
    return [
        str(fact.attributes["commit"])
        for one in hypotheses
        for fact in _speaking(one, facts)
        if fact.kind == "change.matches_failure" and fact.attributes.get("commit")
    ]


def _speaking(hypothesis: Hypothesis, facts: Mapping[FactId, Fact]) -> list[Fact]:
    points = [point for point in hypothesis.speaks_for if point.weight > 0]
    return [facts[number] for point in points for number in point.facts if number in facts]


def first_failing(case: CaseFile) -> str:
    """The service that the facts say failed first; else where the alert points."""
    first = [fact for fact in case.facts if fact.kind == "failure.first"]
    if first:
        return name_of(min(first, key=lambda fact: (-fact.strength, str(fact.at))).entity)
    return name_of(case.topology.owner_of(case.incident.entities[0]))


def _cause(diagnosis: Diagnosis) -> str:
    return diagnosis.hypotheses[0].cause if diagnosis.hypotheses else NONE


def _remedied(diagnosis: Diagnosis, commit: str, wanted: str) -> bool:
    """Whether the remedy that follows from our answer is of the wanted kind."""
    if commit != NONE:
        return wanted in _UNDOING
    return _cause(diagnosis) in _REMEDIES.get(wanted, frozenset())


def _same(one: str, other: str) -> bool:
    return one == other or (NONE not in {one, other} and (one.startswith(other) or other.startswith(one)))


def _truth(folder: Path) -> Mapping[str, Any]:
    path = folder / "tests" / "ground_truth.json"
    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: {error}; the truth of a case stands there") from error
    return found
