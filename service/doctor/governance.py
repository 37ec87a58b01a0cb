"""Who may deliver alerts, who may decide, by which policy, with which knowledge. Pure, apart from reading the files."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.detector import vocabulary
from agents.runbooks.folders import SHIPPED, RunbookFolders
from agents.runbooks.lint import Known, lint
from agents.runbooks.problem import Severity
from incidents.approval import Person
from incidents.policy import Effect, Policy
from orchestrator.executor.catalogue import cards
from orchestrator.oidc_settings import Oidc
from orchestrator.people import Directory
from orchestrator.people_file import InvalidPeopleError
from orchestrator.policy.load import InvalidPolicyError, load_policy
from orchestrator.settings import Model, Settings, Token, Webhook
from service.doctor.finding import Finding, State


def webhook(settings: Webhook) -> Finding:
    """Whether anybody may deliver alerts."""
    count = len(settings.tokens) + len(settings.users)
    if not count:
        return Finding(
            what="Webhook",
            state=State.MISSING,
            found="no token and no user",
            means="every alert is answered 401",
            do="set MIDWATCH_WEBHOOK__TOKENS and send it from Alertmanager (docs/connecting.md)",
            blind=("alerts: nobody may deliver any",),
        )
    return Finding(
        what="Webhook",
        state=State.OK,
        found=f"{len(settings.tokens)} bearer tokens, {len(settings.users)} users",
        means="Alertmanager may deliver at /api/v1/alerts/alertmanager",
    )


def policy(settings: Settings) -> tuple[Policy | None, Finding]:
    """Whether the policy can be used."""
    try:
        loaded = load_policy(settings.policy)
    except InvalidPolicyError as error:
        return None, Finding(
            what="Policy",
            state=State.FAILED,
            found=str(error),
            means="processes that run keep the policy from before; no worker or executor can start",
            do="correct the file, or unset MIDWATCH_POLICY for the one that comes with Midwatch",
        )
    unknown = unknown_actions(loaded)
    return loaded, Finding(
        what="Policy",
        state=State.DEGRADED if unknown else State.OK,
        found=f"{loaded.source}, {len(loaded.rules)} rows, {', '.join(module.name for module in loaded.modules)}"
        + (f", OPA at {loaded.opa.url} (not asked)" if loaded.opa else "")
        + (f"; no such action: {', '.join(unknown)}" if unknown else ""),
        means="those rows never match" if unknown else "what no row allows is denied",
        do="write names of the catalogue, which `midwatch doctor` lists" if unknown else "",
    )


def unknown_actions(policy: Policy) -> list[str]:
    """The actions that a policy names and the catalogue does not have; patterns are left out."""
    tables = (policy.rules, policy.growth, policy.freezes, policy.limits)
    named = {action for table in tables for row in table for action in row.actions}
    return sorted(action for action in named if not set("*?[") & set(action) and action not in cards())


def directory(settings: Settings) -> tuple[Sequence[Person], Finding | None]:
    """Everybody; what is wrong with the file of people when it cannot be used."""
    try:
        found = Directory.of(settings)
    except InvalidPeopleError as error:
        everybody = Directory(tokens=settings.people).members
        return [member.person() for member in everybody], Finding(
            what="Directory",
            state=State.FAILED,
            found=str(error),
            means="the console does not start; nobody of the file can decide",
            do="correct the file (docs/policy.md)",
        )
    return [member.person() for member in found.members], None


def sign_in(settings: Oidc) -> Finding:
    """How people come into the console. The provider is asked when somebody signs in, not here."""
    if not settings.issuer:
        return Finding(
            what="Sign-in",
            state=State.OK,
            found="tokens only",
            means="set MIDWATCH_OIDC__ISSUER to sign in with an identity provider (docs/policy.md)",
        )
    kind = "confidential" if settings.client_secret else "public"
    return Finding(
        what="Sign-in",
        state=State.OK,
        found=f"{settings.issuer}, {kind} client {settings.client_id} (not asked)",
        means="people sign in there; what they may do is in the directory",
    )


def people(everybody: Sequence[Token | Person], policy: Policy | None) -> Finding:
    """Whether somebody can approve what the policy asks for."""
    if not everybody:
        return Finding(
            what="People",
            state=State.MISSING,
            found="nobody is configured",
            means="nobody can sign in, look, or approve",
            do="set MIDWATCH_PEOPLE with a token and roles for each (.env.example), or MIDWATCH_DIRECTORY",
            blind=("decisions: nobody may approve anything",),
        )
    asking = _asking(policy)
    short = [quorum for quorum in asking if lacks(quorum, everybody)]
    roles = ", ".join(sorted({role for person in everybody for role in _roles(person)}))
    if short:
        first = short[0]
        return Finding(
            what="People",
            state=State.FAILED if len(short) == len(asking) else State.DEGRADED,
            found=f"{len(everybody)} people with the roles {roles}",
            means=f"nobody can approve what the policy asks for in: {', '.join(one.name for one in short)}",
            do=f"give {first.approvals} of them one of the roles {', '.join(first.approvers)}, or change the policy",
        )
    return Finding(
        what="People",
        state=State.OK,
        found=f"{len(everybody)} people with the roles {roles}",
        means="everything that the policy asks for can be approved",
    )


@dataclass(frozen=True, kw_only=True)
class Quorum:
    """How many of which roles something needs."""

    name: str
    approvals: int
    approvers: tuple[str, ...]


def _asking(policy: Policy | None) -> list[Quorum]:
    """What every row asks for, and what it grows to by entries that name its actions."""
    rules = [rule for rule in (policy.rules if policy else ()) if rule.effect is Effect.ASK]
    rows = [Quorum(name=rule.name, approvals=rule.approvals, approvers=rule.approvers) for rule in rules]
    grown = [
        Quorum(name=entry.name, approvals=rule.approvals + entry.add, approvers=rule.approvers)
        for entry in (policy.growth if policy else ())
        for rule in rules
        if set(entry.actions) & set(rule.actions)
    ]
    return [*rows, *grown]


def lacks(quorum: Quorum, everybody: Sequence[Token | Person]) -> bool:
    """Whether it asks for more approvers than there are, wherever their roles hold."""
    able = [person for person in everybody if _roles(person) & set(quorum.approvers)]
    return len(able) < quorum.approvals


def _roles(person: Token | Person) -> set[str]:
    grants = person.grants if isinstance(person, Person) else ()
    return {*person.roles, *(grant.role for grant in grants)}


def runbooks(settings: Settings) -> Finding:
    """Whether the causes can be read and name only what exists."""
    folders = RunbookFolders((SHIPPED, *settings.runbooks))
    library = folders.library()
    problems = [*folders.problems, *lint(library, known=Known.of(vocabulary(), cards().values()))]
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    causes = sum(1 for book in library.runbooks if book.cause is not None)
    state = State.FAILED if not causes else State.DEGRADED if errors else State.OK
    return Finding(
        what="Runbooks",
        state=state,
        found=f"{len(library.runbooks)} runbooks, {causes} causes" + (f", {len(errors)} errors" if errors else ""),
        means=f"first: {errors[0]}" if errors else f"{causes} kinds of root cause can be told apart",
        do="`midwatch runbooks lint` names each with file and line" if errors else "",
        sees=(f"{causes} kinds of root cause",),
    )


def model(settings: Model) -> Finding:
    """Whether a model argues besides the rules. It is not called: that would cost money."""
    if not settings.name:
        return Finding(
            what="Model",
            state=State.MISSING,
            found="none",
            means="the rule engine works alone, which is complete",
            do="set MIDWATCH_MODEL=provider:model if a model shall argue too",
        )
    if ":" not in settings.name:
        return Finding(
            what="Model",
            state=State.FAILED,
            found=f"{settings.name!r} names no provider",
            means="the rule engine works alone",
            do=f"write provider:model, for example openai:{settings.name}",
        )
    where = settings.base_url or "the provider's own address"
    return Finding(
        what="Model",
        state=State.OK,
        found=f"{settings.name} at {where} (not called)",
        means="it argues within its budget; when it is down, the rules' answer stands",
    )
