"""The first draft of a new runbook, complete enough to pass lint's shape and to show every field once."""

from agents.runbooks.runbook import SECTIONS
from incidents.cause import Scope

PROMPTS = {
    "Meaning": "What is broken, in two sentences, in words that need no knowledge of this system.",
    "Impact": "Who notices what, and how bad it becomes if nobody acts for an hour.",
    "Diagnosis": "The commands and queries that show it, and what each answer means.",
    "Mitigation": "The safest step first. Say what must not be done.",
    "Prevention": "What keeps it from coming back: a check, a limit, a test, an alert.",
}


def draft(*, slug: str, title: str, scope: Scope = Scope.WORKLOAD, alerts: tuple[str, ...] = ()) -> str:
    """The markdown of a new runbook. `slug` is the file's name; the cause is the same in snake case."""
    cause = slug.replace("-", "_")
    head = [
        "---",
        f"title: {_quoted(title)}",
        f"cause: {cause}",
        f"alerts: [{', '.join(alerts)}]",
        f"scope: {scope}",
        "facts:",
        "  must:    # all have to hold; `a | b` when one of them is enough",
        "    - container.exited_error",
        "  likely:  # each speaks for it; `- kind: 2` weighs double",
        "    - change.deployed",
        "  never:   # any of these refutes it",
        "    - node.not_ready",
        "actions:   # safest first; arguments are constants or computed: 1.3 x memory.at_limit.peak",
        "  - rollback_workload",
        "success: [alert_resolved, workload_available]",
        "must_not_worsen: [error_rate, latency_p99]",
        "caution: What a person should know before approving.",
        "owners: [platform]",
        "---",
        "",
    ]
    prose = [line for heading in SECTIONS for line in (f"## {heading}", "", PROMPTS[heading], "")]
    return "\n".join([*head, f"# {title}", "", *prose])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
