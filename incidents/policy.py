"""What a policy says, as values: the matrix of who may approve what, what makes it harder, the verdict on a proposal.

`incidents.matrix` decides by the rows, `incidents.ruling` adds what Rego found. Files and Rego: `orchestrator.policy`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from incidents.action import ActionRequest, BlastRadius, Reversibility, name_of
from incidents.autonomy import EarnedTerms, Graded
from incidents.calendar import Window
from incidents.entity import NO_NAMESPACE
from incidents.ids import CauseSlug, Digest, EntityId, IncidentId
from incidents.narrowed import OwnChange
from incidents.scope import PRODUCTION, Place, Scope
from incidents.value import Value


class Effect(StrEnum):
    """The verdict of a policy. There is no silent default: no rule that matches means deny."""

    ALLOW = "allow"
    """May run without a click: only by a human-written, scoped, expiring pre-approval."""
    ASK = "ask"
    DENY = "deny"


class Source(StrEnum):
    """Who found something beside the rows."""

    REGO = "rego"
    """A Rego module: the one that comes with Midwatch, or a team's own."""
    OPA = "opa"
    """An OPA server."""
    MIDWATCH = "midwatch"
    """Midwatch itself: a module or server that does not answer as it should."""


class Denial(Value):
    """Why it may not run now."""

    name: str
    why: str
    source: Source = Source.REGO


class Demand(Value):
    """Why more people have to approve."""

    name: str
    why: str
    add: int = Field(ge=1, le=10)
    source: Source = Source.REGO


class Findings(Value):
    """What was found beside the rows. Findings only ever make a verdict stricter."""

    denials: tuple[Denial, ...] = ()
    demands: tuple[Demand, ...] = ()
    revision: str = ""
    """What the OPA server calls the version of its policy; empty without a server."""


class Preapproval(Value):
    """A pre-approval that a verdict rests on; sealing the proposal uses it once."""

    name: str
    signed_by: str
    uses: int = Field(ge=1)


class PolicyVerdict(Value):
    """What policy says of one proposal."""

    effect: Effect
    approvals: int = Field(ge=0)
    """How many different people have to approve."""
    approvers: tuple[str, ...]
    """Roles, any of which may approve."""
    one_of_each: tuple[str, ...] = ()
    """Roles of which each has to be among the approvers, held by different people."""
    own_change: OwnChange = Field(default=OwnChange.ALONE, exclude_if=lambda own: own is OwnChange.ALONE)
    """Whether somebody who narrowed it may approve it."""
    places: tuple[Place, ...] = ()
    """Where its actions act: an approver's roles have to hold at each of them."""
    rule: str
    """Name of the rule that matched, or `default`."""
    reason: str
    """In words for the person who decides."""
    version: Digest
    """Digest of the whole policy as it was read, and of the OPA server's revision."""
    expires_in_seconds: int = Field(gt=0)
    """How long a proposal under this verdict may wait for its decision."""
    preapprovals: tuple[Preapproval, ...] = ()
    """What stands in the place of people when the effect is allow."""
    outside: Findings | None = None
    """What the OPA server said, when one is asked."""


class PolicyRule(Scope):
    """One row of the matrix. Empty tuple means any. The first matching row decides."""

    name: str
    actions: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    """Diagnosed causes; shell-style patterns, as everywhere."""
    windows: tuple[str, ...] = ()
    """The row applies only while one of these windows of the calendar is open."""
    max_pods: int | None = None
    """The row applies only when the blast radius has at most that many pods."""
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    max_usd_per_hour: float | None = None
    reversibility: tuple[Reversibility, ...] = ()
    effect: Effect
    approvals: int = Field(default=1, ge=0)
    approvers: tuple[str, ...] = ("oncall",)
    one_of_each: tuple[str, ...] = ()
    own_change: OwnChange = Field(default=OwnChange.ALONE, exclude_if=lambda own: own is OwnChange.ALONE)
    """Whether somebody who narrowed the proposal may approve it."""
    expires_in_seconds: int = Field(default=900, gt=0)
    until: datetime | None = None
    """When a pre-approval (`allow`) ends; an `allow` without it, or after it, never matches."""
    signed_by: str = ""
    """The person who answers for a pre-approval."""
    uses: int = Field(default=1, ge=1)
    """How often a pre-approval may be used altogether."""
    earned: EarnedTerms | None = None
    """Pre-approved as long as the record of this kind of change reaches these terms; `uses` does not count then."""
    reason: str = ""


class Environment(Scope):
    """A name for a part of the estate. The first that covers an action's target is its environment."""

    name: str


class Growth(Scope):
    """When more people have to approve. All that is given has to hold."""

    name: str
    actions: tuple[str, ...] = ()
    pods_over: int | None = Field(default=None, ge=0)
    callers_over: int | None = Field(default=None, ge=0)
    reversibility: tuple[Reversibility, ...] = ()
    usd_per_hour_over: float | None = None
    confidence_under: float | None = Field(default=None, gt=0, le=1)
    add: int = Field(default=1, ge=1, le=10)


class Freeze(Scope):
    """While one of its windows is open, what it covers is not changed, or only with more people."""

    name: str
    during: tuple[str, ...] = Field(min_length=1)
    actions: tuple[str, ...] = ()
    add: int | None = Field(default=None, ge=1, le=10)
    """That many more approvals; denied when not given."""


class Limit(Scope):
    """How much may be changed, counted from what was really executed."""

    name: str
    actions: tuple[str, ...] = ()
    per: Literal["hour", "service", "incident"]
    """`hour`: altogether in the last hour; `service`: of one service in the last hour; `incident`: in one incident."""
    most_actions: int | None = Field(default=None, ge=0)
    most_pods: int | None = Field(default=None, ge=0)


class RegoModule(Value):
    """One Rego file."""

    name: str
    package: str
    text: str


class OpaServer(Value):
    """An OPA server that is asked as well. What it does not answer is denied."""

    url: str
    path: str = "midwatch"
    """Of the decision below /v1/data: a document with `deny`, `more` and `revision`."""
    timeout_seconds: float = Field(default=2.0, gt=0, le=10)


class Policy(Value):
    """The whole policy as read. `version` is the digest of its content."""

    rules: tuple[PolicyRule, ...]
    environments: tuple[Environment, ...] = ()
    calendar: tuple[Window, ...] = ()
    growth: tuple[Growth, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    limits: tuple[Limit, ...] = ()
    modules: tuple[RegoModule, ...] = ()
    opa: OpaServer | None = None
    version: Digest
    source: str


class ConsideredAction(Value):
    """One action that policy is asked about."""

    request: ActionRequest
    reach: BlastRadius = BlastRadius()
    reversibility: Reversibility = Reversibility.COMPENSATED


class Done(Value):
    """One action that was really executed."""

    at: AwareDatetime
    incident: IncidentId
    kind: str
    target: EntityId
    services: tuple[str, ...] = ()
    pods: int = Field(default=0, ge=0)


class Standing(Value):
    """What has been used of limits and pre-approvals."""

    done: tuple[Done, ...] = ()
    """What was executed in the last hour anywhere, and ever in this incident; without the proposal's own."""
    used: dict[str, int] = {}
    """How often each pre-approval was used."""
    graded: tuple[Graded, ...] = ()
    """What became of earlier changes; read only when a row of the policy asks for it."""


class PolicyQuestion(Value):
    """Everything that policy may look at."""

    actions: tuple[ConsideredAction, ...]
    at: AwareDatetime
    """When it is asked."""
    incident: IncidentId | None = None
    cause: CauseSlug | None = None
    confidence: float = Field(default=1.0, ge=0, le=1)
    usd_per_hour: float | None = None
    standing: Standing = Standing()


NO_POLICY = Digest("sha256:" + "0" * 64)
"""The version that a verdict names when there is no policy at all."""


def services_of(target: EntityId, reach: BlastRadius) -> tuple[str, ...]:
    """The names of what is changed directly: the workloads of the blast radius, or the target itself."""
    return tuple(sorted({name_of(entity) for entity in reach.workloads or (target,)}))


def place_of(policy: Policy | None, target: EntityId, services: tuple[str, ...]) -> Place:
    """Where an action acts, by the policy's environments."""
    cluster, namespace, *_ = target.split("/", 3)
    bare = Place(
        cluster=cluster, namespace="" if namespace == NO_NAMESPACE else namespace, environment="", services=services
    )
    found = (
        environment.name
        for environment in (policy.environments if policy else ())
        if environment.model_copy(update={"environments": ()}).covers(bare)
    )
    return bare.model_copy(update={"environment": next(found, PRODUCTION)})


def places_of(policy: Policy | None, question: PolicyQuestion) -> tuple[Place, ...]:
    """Where each of the actions acts, in their order."""
    return tuple(
        place_of(policy, action.request.target, services_of(action.request.target, action.reach))
        for action in question.actions
    )
