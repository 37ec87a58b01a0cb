"""Which part of an evidence pack answers what auditors ask for: SOC 2 (CC7, CC8) and the EU AI Act, article 12.

A pack is evidence of single incidents, not of a programme: what it cannot show is written beside what it shows. The
requirements are paraphrased; their texts are the AICPA's Trust Services Criteria (2017, points of focus of 2022) and
Regulation (EU) 2024/1689. `docs/audit.md` prints the same table, held together by a test.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from incidents.value import Value

SOC2 = "SOC 2"
AI_ACT = "EU AI Act"


class Control(Value):
    """One thing that is asked for."""

    framework: str
    id: str
    asks: str
    """In our words."""
    fields: tuple[str, ...]
    """Dotted paths in the pack; `[]` goes through a list."""
    shows: str
    """What these fields show."""
    leaves_open: str
    """What they do not show."""


class Answered(Value):
    """A control with what this pack holds for it."""

    control: Control
    present: tuple[str, ...]
    """Its fields that hold something here."""
    absent: tuple[str, ...]
    """Its fields that are empty here, because it did not come to that."""


CONTROLS: tuple[Control, ...] = (
    Control(
        framework=SOC2,
        id="CC7.2",
        asks="System components are monitored for anomalies, and anomalies are analysed.",
        fields=("record.alerts[].alert", "record.case.facts[]", "record.diagnoses[]"),
        shows="Which alerts came when, which typed observations were made of them, and how the cause was argued.",
        leaves_open="That monitoring covers everything it should: alert rules are yours.",
    ),
    Control(
        framework=SOC2,
        id="CC7.3",
        asks="Events are evaluated as to whether they are, or could become, a failure to meet objectives.",
        fields=(
            "record.incident.severity",
            "record.diagnoses[].verdict",
            "record.diagnoses[].reason",
            "record.timeline[]",
        ),
        shows="Severity, the verdict of each round with its reason, what was ruled out, and when.",
        leaves_open="Whether it was a security event: Midwatch handles operational incidents and does not judge that.",
    ),
    Control(
        framework=SOC2,
        id="CC7.4",
        asks="Incidents are responded to by a defined programme: contained, remediated, communicated.",
        fields=(
            "record.timeline[]",
            "record.proposals[].decisions[]",
            "record.proposals[].steps[]",
            "record.postmortem",
        ),
        shows="Who was told and decided what when, what was done, and the post-mortem's draft.",
        leaves_open="Your programme itself, its roles and its exercises.",
    ),
    Control(
        framework=SOC2,
        id="CC7.5",
        asks="Activities to recover are identified and carried out.",
        fields=("record.proposals[].measurements[]", "record.proposals[].verification"),
        shows="What telemetry said before and after, whether it counted as recovered, and what was undone.",
        leaves_open="Recovery from disasters, backups and their tests.",
    ),
    Control(
        framework=SOC2,
        id="CC8.1 (documents, tracks)",
        asks="A change is documented and tracked before it is made.",
        fields=("record.proposals[].body.actions[]", "record.proposals[].digest", "proof.entries[]"),
        shows="Every proposed change, rejected ones too, with target, arguments and difference, sealed by a digest.",
        leaves_open="Changes that are made without Midwatch.",
    ),
    Control(
        framework=SOC2,
        id="CC8.1 (authorises, approves)",
        asks="A change is authorised and approved before it is made, by somebody entitled to.",
        fields=(
            "record.proposals[].body.policy",
            "record.proposals[].decisions[].person",
            "record.proposals[].refusals[]",
            "cards[]",
        ),
        shows="What policy asked for, who decided with which roles, by which channel, on what card; refused clicks.",
        leaves_open="That identities were given to the right people: your identity provider shows that.",
    ),
    Control(
        framework=SOC2,
        id="CC8.1 (tests)",
        asks="A change is tested before it is made.",
        fields=("record.proposals[].body.actions[].preview", "record.proposals[].body.rehearsal"),
        shows="The target system's own dry-run and, where there was one, the rehearsal in a twin and its limits.",
        leaves_open="Tests of your software before it was deployed.",
    ),
    Control(
        framework=SOC2,
        id="CC8.1 (implements, baseline)",
        asks="A change is implemented as approved, and the state before it is known.",
        fields=(
            "record.proposals[].body.actions[].fence",
            "record.proposals[].body.actions[].snapshot",
            "record.proposals[].steps[].execution",
        ),
        shows="The state that the approver saw, what was captured for the undo, what really ran, its key and times.",
        leaves_open="What the target system did inside: its own audit log, found by the key, shows that.",
    ),
    Control(
        framework=SOC2,
        id="CC8.1 (emergency changes)",
        asks="Changes in an emergency are authorised, made and reviewed in time.",
        fields=("record.proposals[].decided_at", "record.proposals[].verification", "record.postmortem"),
        shows="Minutes from alert to decision to verification, and what is to be reviewed.",
        leaves_open="That the review took place.",
    ),
    Control(
        framework=AI_ACT,
        id="Article 12(1)",
        asks="Events are recorded automatically over the system's lifetime.",
        fields=("proof.entries[]", "proof.head", "made_by"),
        shows="Entries that the system wrote itself, hash-chained, under a head that was signed outside the database.",
        leaves_open="The lifetime: a pack is one incident; `midwatch audit export` without an id writes everything.",
    ),
    Control(
        framework=AI_ACT,
        id="Article 12(2)(a)",
        asks="Situations in which it may present a risk, or was substantially modified, can be identified.",
        fields=(
            "record.proposals[].verification.outcome",
            "record.proposals[].refusals[]",
            "record.proposals[].body.policy.version",
            "made_by",
        ),
        shows="Changes that did not help or hurt, refused clicks, versions of Midwatch and of the policy.",
        leaves_open="Whether such a situation is a risk in the sense of article 79(1): people judge that.",
    ),
    Control(
        framework=AI_ACT,
        id="Article 12(2)(b)",
        asks="Post-market monitoring is made possible.",
        fields=("record.diagnoses[]", "record.proposals[].verification.results[]", "record.effort"),
        shows="What was diagnosed with which confidence by which engine, what came of it, and what it cost.",
        leaves_open="The monitoring plan (article 72), which is the provider's.",
    ),
    Control(
        framework=AI_ACT,
        id="Article 12(2)(c)",
        asks="Those who deploy it can monitor its operation.",
        fields=("record.timeline[]", "record.proposals[].decisions[]", "record.case.gaps[]"),
        shows="What it did step by step, who oversaw it, and what it could not see.",
        leaves_open="That somebody reads it.",
    ),
    Control(
        framework=AI_ACT,
        id="Article 12(3)",
        asks="Remote biometric identification: period of use, reference database, matched input, verifying persons.",
        fields=("record.incident.opened_at", "record.incident.closed_at", "record.proposals[].decisions[].person"),
        shows="Start and end of the incident and the persons who verified, which is what of it has a meaning here.",
        leaves_open="The rest: Midwatch identifies nobody by biometrics.",
    ),
)

CLASSIFICATION = (
    "This is evidence, not an attestation. Midwatch is not a high-risk AI system by itself; whether your use makes "
    "it part of one (for example in critical infrastructure, Annex III point 2) is for you to judge. Nothing here says "
    "that a control operated over a period: that takes more than one incident, and an auditor."
)


def answers(pack: Mapping[str, Any]) -> tuple[Answered, ...]:
    """What a pack (as plain JSON) holds for each control."""
    found = []
    for control in CONTROLS:
        present = tuple(field for field in control.fields if holds(pack, field))
        absent = tuple(field for field in control.fields if field not in present)
        found.append(Answered(control=control, present=present, absent=absent))
    return tuple(found)


def holds(plain: Any, path: str) -> bool:
    """Whether there is anything at a path of plain JSON."""
    return _holds(plain, path.replace("[]", ".[]").split("."))


def _holds(plain: Any, steps: Sequence[str]) -> bool:
    if not steps:
        return plain not in (None, "", [], {})
    first, rest = steps[0], steps[1:]
    if first == "[]":
        return isinstance(plain, list) and any(_holds(item, rest) for item in plain)
    return isinstance(plain, dict) and first in plain and _holds(plain[first], rest)
