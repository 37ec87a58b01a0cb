"""What the whole policy says of a question: its rows, its Rego in process, and its OPA server when it has one."""

from incidents.policy import Findings, Policy, PolicyQuestion, PolicyVerdict
from incidents.ruling import rule_on
from orchestrator.policy.rego import document, findings
from tools.opa.client import ask


def ruling(
    policy: Policy | None, question: PolicyQuestion, *, outside: Findings | None = None, preapproved: bool = True
) -> PolicyVerdict:
    """The verdict. `outside` is what the OPA server answered; a policy with a server and without its answer denies.

    `preapproved` False asks people even where a pre-approval would stand in their place.
    """
    found = Findings() if policy is None else findings(policy, question)
    return rule_on(policy, question, found=found, outside=outside, preapproved=preapproved)


async def asked_outside(policy: Policy | None, question: PolicyQuestion) -> Findings | None:
    """What the policy's OPA server says of the question; None when it has none. What it does not answer is a denial."""
    if policy is None or policy.opa is None:
        return None
    return await ask(policy.opa, document(policy, question))
