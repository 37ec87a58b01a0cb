"""The verdict of the whole policy: the rows, made stricter by what Rego and an OPA server found, in words for people.

Nothing here can make a verdict milder than the rows are.
"""

from collections.abc import Iterable, Sequence

from incidents.action import Reversibility
from incidents.canonical import digest_of
from incidents.ids import Digest
from incidents.matrix import decide
from incidents.policy import (
    Demand,
    Denial,
    Effect,
    Findings,
    Policy,
    PolicyQuestion,
    PolicyVerdict,
    Source,
)
from incidents.scope import PRODUCTION, Place

UNDO_WORDS = {
    Reversibility.EXACT: "can be undone exactly",
    Reversibility.COMPENSATED: "can only be undone by a counter-action",
    Reversibility.IRREVERSIBLE: "cannot be undone",
}
ROLE_WORDS = {"oncall": "on-call", "owner": "its owners", "admin": "administrators"}
NOT_ASKED = Denial(name="opa", why="the OPA server of the policy was not asked", source=Source.MIDWATCH)


def rule_on(
    policy: Policy | None,
    question: PolicyQuestion,
    *,
    found: Findings,
    outside: Findings | None = None,
    preapproved: bool = True,
) -> PolicyVerdict:
    """The verdict. `found` is what the Rego modules say, `outside` the OPA server.

    A policy with a server that was not asked denies. `preapproved` False leaves pre-approvals out.
    """
    if policy is None:
        return decide(None, question)
    said = outside or Findings(denials=(NOT_ASKED,) if policy.opa else ())
    denials, demands = (*found.denials, *said.denials), (*found.demands, *said.demands)
    ordinary = not demands  # what is out of the ordinary is pre-approved in no part of it
    verdict = decide(policy, question, preapproved=preapproved and ordinary)
    sealed = {"version": version_of(policy, said.revision), "outside": outside}
    if denials and verdict.effect is not Effect.DENY:
        reason = f"{_what(question, verdict.places)}: not now, because {_and([one.why for one in denials])}"
        changed = {"effect": Effect.DENY, "approvals": 0, "approvers": (), "one_of_each": (), "preapprovals": ()}
        return verdict.model_copy(update=sealed | changed | {"rule": denials[0].name, "reason": reason})
    if verdict.effect is Effect.ASK:
        verdict = verdict.model_copy(update={"approvals": verdict.approvals + sum(one.add for one in demands)})
    return verdict.model_copy(update=sealed | {"reason": _reason(question, verdict, demands)})


def version_of(policy: Policy, revision: str) -> Digest:
    """The version of a verdict: the policy's own, and that of the OPA server's policy when there is one."""
    return digest_of({"policy": policy.version, "revision": revision}) if policy.opa else policy.version


def people_needed(verdict: PolicyVerdict) -> str:
    """`1 of on-call or its owners`; `2 of on-call, among them one of its owners`."""
    roles = " or ".join(_role(role) for role in verdict.approvers) or "nobody"
    among = f", among them one of each: {', '.join(_role(role) for role in verdict.one_of_each)}"
    return f"{verdict.approvals} of {roles}" + (among if verdict.one_of_each else "")


def _reason(question: PolicyQuestion, verdict: PolicyVerdict, demands: Sequence[Demand]) -> str:
    match verdict.effect:
        case Effect.DENY:
            return f"{_what(question, verdict.places)}: denied. {verdict.reason}"
        case Effect.ALLOW:
            signed = _and([f"`{one.name}`, signed by {one.signed_by or 'nobody'}" for one in verdict.preapprovals])
            return f"{_what(question, verdict.places)}: pre-approved by {signed}. {verdict.reason}"
        case Effect.ASK:
            because = _and([_reach(question), _undo(question), *(f"{one.why} (+{one.add})" for one in demands)])
            said = "" if verdict.reason.startswith("rule ") else f". {verdict.reason}"
            return f"{_what(question, verdict.places)}: {people_needed(verdict)}, because it {because}{said}"


def _what(question: PolicyQuestion, places: Sequence[Place]) -> str:
    environments = _and(dict.fromkeys(_short(place.environment) for place in places))
    kinds = _and(dict.fromkeys(action.request.kind.replace("_", " ") for action in question.actions))
    return f"{environments} {kinds}".strip() or "nothing"


def _reach(question: PolicyQuestion) -> str:
    pods = sum(action.reach.pods for action in question.actions)
    nodes = sum(len(action.reach.nodes) for action in question.actions)
    parts = [_count(pods, "pod")] * bool(pods or not nodes) + [_count(nodes, "node")] * bool(nodes)
    return f"touches {_and(parts)}"


def _undo(question: PolicyQuestion) -> str:
    order = list(UNDO_WORDS)
    hardest = max((action.reversibility for action in question.actions), key=order.index, default=order[0])
    return UNDO_WORDS[hardest]


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}" if number == 1 else f"{number or 'no'} {noun}s"


def _short(environment: str) -> str:
    return "prod" if environment == PRODUCTION else environment


def _role(role: str) -> str:
    return ROLE_WORDS.get(role, role)


def _and(parts: Iterable[str]) -> str:
    *most, last = list(parts) or [""]
    return f"{', '.join(most)} and {last}" if most else last
