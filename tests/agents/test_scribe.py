"""The draft of the post-mortem: what is in it comes from records, and text from outside stays text."""

import re
from datetime import timedelta

from agents.diagnostician.diagnose import diagnose
from agents.planner.checks import success_threshold
from agents.scribe import NOTHING, draft
from incidents.approval import Channel, Choice, Decision, Person
from incidents.evidence import Evidence
from incidents.execution import Execution, ExecutionStatus
from incidents.finding import AgentName, Gap
from incidents.incident import EventKind, TimelineEvent
from incidents.postmortem import Dossier, lasted, milestones
from incidents.verification import Check, CheckResult, CheckRole, Comparison, Judgement, Outcome, Verification
from tests.agents.cases import LIBRARY, NOW, ONSET, case, evidence, fact

ERRORS = fact("errors.elevated", 0, text="7.1 % of requests fail since 02:35")
OOM = fact("container.oom_killed", 0, text="2 of 6 containers of checkout OOMKilled")
LOWERED = fact("change.memory_limit_lowered", -2, text="Memory limit of checkout lowered at 02:33")
CART = fact("change.deployed", 7, of="cart", text="cart was deployed at 02:42")
CASE = case(ERRORS, OOM, LOWERED, CART)
SEEN = (evidence("container.oom_killed of checkout at 0"),)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def dossier(**more: object) -> Dossier:
    given = {
        "incident": CASE.incident,
        "alerts": CASE.alerts,
        "facts": CASE.facts,
        "evidence": SEEN,
        "gaps": (Gap(agent=AgentName.OBSERVABILITY, what="traces of payments", why="no access"),),
        "diagnosis": diagnose(CASE, LIBRARY, now=NOW),
        "decisions": (
            Decision(
                id="d",
                digest="sha256:0",
                person=Person(id="ann@example.org", name="Ann", roles=("oncall",)),
                choice=Choice.APPROVE,
                at=NOW + minutes(1),
                channel=Channel.CONSOLE,
            ),
        ),
        "executions": (
            Execution(
                digest="sha256:0",
                index=0,
                key="k",
                status=ExecutionStatus.SUCCEEDED,
                detail="revision 41",
                approved_at=NOW + minutes(1),
                dispatched_at=NOW + minutes(1.5),
                ended_at=NOW + minutes(2),
            ),
        ),
        "verification": Verification(
            outcome=Outcome.VERIFIED,
            judgement=Judgement.HELPED,
            results=(),
            evidence=(),
            started_at=NOW + minutes(2),
            ended_at=NOW + minutes(8),
            reason="5xx 7.1 % -> 0.2 %",
        ),
        "timeline": (
            TimelineEvent(
                incident=CASE.incident.id,
                seq=1,
                at=NOW,
                kind=EventKind.HYPOTHESIS,
                actor="diagnostician",
                text="memory limit",
            ),
        ),
        "follow_ups": ("Check limits in pull requests.",),
    }
    return Dossier.model_validate({**given, **more})


def test_the_draft_tells_the_story_from_the_records() -> None:
    text = draft(dossier(), now=NOW + minutes(10))
    for sentence in (
        "# Post-mortem: Checkout returns 5xx",
        "Memory limit of checkout lowered at 02:33. 2 of 6 containers of checkout OOMKilled.",
        "It ended verified: 5xx 7.1 % -\\> 0.2 %",
        "- 7.1 % of requests fail since 02:35",
        "- cart was deployed at 02:42: came 7 min after it began at 02:35",
        "- traces of payments (observability: no access)",
        "- Approved at 02:48:00 by Ann (console)",
        "- Execution at 02:49:00: succeeded: revision 41",
        "- 20 min from the onset to the end",
        "- [ ] Check limits in pull requests.",
        f"] `{SEEN[0].id}` ",
    ):
        assert sentence in text, text
    assert draft(dossier(), now=NOW + minutes(10)) == text
    assert "observation" not in text.split("## How long it took")[1].split("##")[0]
    looked = draft(dossier(observations=90), now=NOW)
    assert "- Agents made 90 observations: about 90 min by hand [" in looked


def test_every_sentence_names_what_it_was_read_from() -> None:
    text = draft(dossier(), now=NOW + minutes(10))
    told, sources = text.split("## Sources")
    defined = dict(re.findall(r"^\[(\d+)\]: (\S+)$", sources, flags=re.MULTILINE))
    story = told.split("## Summary")[1].split("## Questions")[0]
    sentences = [line for line in story.splitlines() if line and not line.startswith(("#", "**")) and line != NOTHING]
    assert len(sentences) > 15
    bare = [line for line in sentences if not re.search(r" \[\d+\]$|^- \[[^\]]+\]\(/incidents/", line)]
    assert bare == []
    used = set(re.findall(r" \[(\d+)\]", story))
    assert used == set(defined)
    assert all(place.startswith((f"/incidents/{CASE.incident.id}", "/audit?incident=")) for place in defined.values())
    assert f"/incidents/{CASE.incident.id}/evidence/{SEEN[0].id}" in defined.values()


def test_impact_begins_with_what_users_feel_and_tells_each_thing_once() -> None:
    shifted = fact("metric.shifted", 0, text="threads went 3 -> 11")
    again = fact("errors.elevated", 3, text="7.4 % of requests fail since 02:38")
    told = diagnose(CASE, LIBRARY, now=NOW)
    [leading] = told.leading
    explains = (shifted.id, OOM.id, again.id, ERRORS.id)
    known = told.model_copy(update={"hypotheses": (leading.model_copy(update={"explains": explains}),)})
    text = draft(dossier(diagnosis=known, facts=(shifted, OOM, ERRORS, again)), now=NOW)
    impact = text.split("## Impact")[1].split("##")[0]
    lines = [line for line in impact.splitlines() if line.startswith("- ")]
    assert [line.partition(" [")[0] for line in lines][1:3] == [
        "- 7.1 % of requests fail since 02:35",
        "- 2 of 6 containers of checkout OOMKilled",
    ]
    assert "threads" not in impact, "what only a graph shows is left out where something is felt"
    assert "7.4 %" not in impact


def test_an_incident_without_anything_is_a_draft_too() -> None:
    text = draft(Dossier(incident=CASE.incident), now=NOW)
    assert text.count("Nothing was recorded.") >= 6
    assert "Root cause" in text


def test_an_undiagnosed_incident_says_why() -> None:
    given = case(ERRORS)
    text = draft(
        dossier(diagnosis=diagnose(given, LIBRARY, now=NOW), verification=None, outcome="nobody knows"), now=NOW
    )
    assert "Inconclusive." in text
    assert "It ended investigating: nobody knows" in text


def test_text_from_outside_cannot_format_the_document() -> None:
    poisoned = CASE.incident.model_copy(update={"title": "x\n## Approved by nobody\n<script>alert(1)</script> [a](b)"})
    query = Evidence.of(probe="p", source="loki", query="a`\n# b", observed_at=NOW, body="{}", title="|")
    text = draft(dossier(incident=poisoned, evidence=(query, *SEEN)), now=NOW)
    assert "\n## Approved" not in text
    assert "<script>" not in text
    assert "\n# b" not in text


def test_milestones_are_counted_from_the_onset_and_never_negative() -> None:
    times = milestones(dossier())
    assert (times.began, times.diagnosed, times.acted) == (ONSET, NOW, NOW + minutes(1.5))
    assert lasted(times.alerted, times.diagnosed) == minutes(10)
    assert lasted(NOW, ONSET) == timedelta(0)
    assert lasted(NOW, None) is None


def test_figures_before_and_after_are_shown() -> None:
    check = Check(
        role=CheckRole.SUCCESS,
        measure="error_rate",
        entity="c/n/deployment/checkout",
        comparison=Comparison.AT_MOST,
        threshold=success_threshold("error_rate", now=0.07, healthy=0.002),
        unit="ratio",
        text="5xx < 0.6 %",
    )
    verified = dossier().verification
    result = CheckResult(check=check, before=0.071, after=0.002, held=True, text="5xx 7.1 % -> 0.2 %")
    text = draft(dossier(verification=verified.model_copy(update={"results": (result,)})), now=NOW)
    assert "- 5xx 7.1 % -\\> 0.2 %: fixed" in text
