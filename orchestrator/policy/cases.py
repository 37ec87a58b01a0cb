"""Cases beside a policy: questions with the verdict that is expected of them, as a team writes them down in YAML."""

from datetime import datetime, timedelta
from pathlib import Path

import yaml
from pydantic import AwareDatetime, Field, ValidationError

from incidents.action import ActionRequest, BlastRadius, Reversibility
from incidents.ids import ActionKind, CauseSlug, EntityId, IncidentId
from incidents.policy import (
    ConsideredAction,
    Done,
    Effect,
    Findings,
    Policy,
    PolicyQuestion,
    PolicyVerdict,
    Standing,
    services_of,
)
from incidents.value import Value
from orchestrator.policy.lines import Lines
from orchestrator.policy.load import InvalidPolicyError
from orchestrator.policy.ruling import ruling

CASE_INCIDENT = IncidentId("inc-case")
"""The incident of every case, unless something was done in another one."""


class CaseAction(Value):
    """One action, as short as it can be written."""

    action: ActionKind
    target: EntityId
    pods: int = Field(default=1, ge=0)
    callers: int = Field(default=0, ge=0)
    services: tuple[str, ...] = ()
    undo: Reversibility = Reversibility.EXACT

    @property
    def considered(self) -> ConsideredAction:
        """The same as policy is asked about it."""
        cluster, namespace, *_ = self.target.split("/", 3)
        workloads = tuple(EntityId(f"{cluster}/{namespace}/deployment/{name}") for name in self.services)
        callers = tuple(EntityId(f"{cluster}/{namespace}/deployment/caller-{n}") for n in range(self.callers))
        return ConsideredAction(
            request=ActionRequest(kind=self.action, target=self.target),
            reach=BlastRadius(pods=self.pods, workloads=workloads, callers=callers),
            reversibility=self.undo,
        )


class CaseDone(CaseAction):
    """Something that was executed before."""

    minutes_ago: float = Field(default=10, ge=0)
    incident: IncidentId = CASE_INCIDENT


class Expected(Value):
    """What the policy has to say; what is left out may be anything."""

    effect: Effect
    approvals: int | None = None
    approvers: tuple[str, ...] | None = None
    rule: str | None = None
    reason: str | None = None
    """A part of it."""


class Case(Value):
    """One question and its verdict."""

    name: str
    actions: tuple[CaseAction, ...] = Field(min_length=1)
    now: AwareDatetime | None = None
    cause: CauseSlug | None = None
    confidence: float = Field(default=0.9, ge=0, le=1)
    usd_per_hour: float | None = 0.0
    done: tuple[CaseDone, ...] = ()
    used: dict[str, int] = {}
    opa: Findings | None = None
    """What the OPA server would answer, for a policy that has one."""
    expect: Expected

    def question(self, otherwise: datetime) -> PolicyQuestion:
        """The same as policy is asked it."""
        now = self.now or otherwise
        return PolicyQuestion(
            actions=tuple(action.considered for action in self.actions),
            at=now,
            incident=CASE_INCIDENT,
            cause=self.cause,
            confidence=self.confidence,
            usd_per_hour=self.usd_per_hour,
            standing=Standing(done=tuple(_done(one, now) for one in self.done), used=self.used),
        )


class Cases(Value):
    """A file of cases. `now` is the time of those that name none: a verdict depends on it."""

    now: AwareDatetime
    cases: tuple[Case, ...]


class CaseResult(Value):
    """What came of a case; it passed when nothing is different."""

    name: str
    verdict: PolicyVerdict
    differences: tuple[str, ...] = ()


def read_cases(path: Path) -> Cases:
    """Read a file of cases. Raises InvalidPolicyError that names file, line and field."""
    try:
        text = path.read_text(encoding="utf-8")
        lines, document = Lines(text, source=path.name), yaml.safe_load(text)
    except OSError as error:
        raise InvalidPolicyError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidPolicyError(f"{path.name} is no YAML: {error}") from None
    try:
        return Cases.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        at = tuple(part for part in first["loc"] if isinstance(part, int) or part in lines.names)
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidPolicyError(f"{lines.of(at)}: {field}: {first['msg']}") from None


def run_cases(policy: Policy, cases: Cases) -> tuple[CaseResult, ...]:
    """Ask the policy all of them. An OPA server is not asked: a case says what it would answer."""
    return tuple(_run(policy, case, cases.now) for case in cases.cases)


def _run(policy: Policy, case: Case, otherwise: datetime) -> CaseResult:
    verdict = ruling(policy, case.question(otherwise), outside=case.opa)
    expected = case.expect
    pairs = (
        ("effect", expected.effect, verdict.effect),
        ("approvals", expected.approvals, verdict.approvals),
        ("approvers", expected.approvers, verdict.approvers),
        ("rule", expected.rule, verdict.rule),
    )
    different = [f"{name} is {is_}, not {wanted}" for name, wanted, is_ in pairs if wanted not in (None, is_)]
    if expected.reason is not None and expected.reason not in verdict.reason:
        different.append(f"the reason does not say {expected.reason!r}")
    return CaseResult(name=case.name, verdict=verdict, differences=tuple(different))


def _done(one: CaseDone, now: datetime) -> Done:
    reach = one.considered.reach
    return Done(
        at=now - timedelta(minutes=one.minutes_ago),
        incident=one.incident,
        kind=one.action,
        target=one.target,
        services=services_of(one.target, reach),
        pods=one.pods,
    )
