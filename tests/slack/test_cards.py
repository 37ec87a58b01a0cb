"""Every state of the card as a person reads it, and a lint: a card that asks for a decision holds all that it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import external_file, snapshot

from incidents.action import FieldChange
from incidents.foresight import Outlook
from incidents.incident import Phase
from incidents.prediction import Prediction
from incidents.proposal import ProposalBody
from orchestrator.store.control import Switch
from service.slack.card import Card, card_of
from service.slack.digest import digest_of
from service.slack.mrkdwn import safe, whole
from service.slack.storm import storm_of
from service.story.record import IncidentRecord
from tests.incidents.making import NOW
from tests.slack.records import all_records, with_body
from tests.slack.standin.limits import problems_of_message
from tests.slack.standin.rendering import blocks_text
from tests.slack.standin.workspace import Message, Workspace, mrkdwn_texts

CONSOLE = "https://midwatch.example.com"
ASKING = (
    "waiting for a decision",
    "waiting, one of two approved",
    "waiting, of high risk",
    "waiting, snoozed, with something left alone",
)


@pytest.fixture(scope="session")
def records() -> dict[str, IncidentRecord]:
    return all_records()


def text_of(record: IncidentRecord) -> str:
    return blocks_text([dict(block) for block in card_of(record, console=CONSOLE).blocks])


CARDS = Path(__file__).parent / "cards"
STATES = sorted(path.stem for path in CARDS.glob("*.txt"))
"""Each state's card as it is read, in a file of its own; `--inline-snapshot=fix` writes them anew."""


def file_of(state: str) -> str:
    return re.sub(r"[ ,]+", "-", state)


def test_every_state_has_its_card(records: dict[str, IncidentRecord]) -> None:
    assert sorted(file_of(state) for state in records) == STATES


@pytest.mark.parametrize("name", STATES)
def test_a_state_of_the_card(records: dict[str, IncidentRecord], name: str) -> None:
    [record] = [record for state, record in records.items() if file_of(state) == name]
    assert text_of(record) + "\n" == external_file(CARDS / f"{name}.txt")


def test_without_task_cards_it_says_who_looks_in_words(records: dict[str, IncidentRecord]) -> None:
    card = card_of(records["looking, some reported"], console=CONSOLE)
    assert blocks_text([dict(block) for block in card.without_tasks]) == snapshot("""\
# Checkout returns 5xx
  *SEV1*  ·  checkout  ·  shop / prod-eu  ·  *looking*  ·  since 02:47 UTC
2 of 6 pods of checkout restart, 9 times since 02:35  [pods]
since 02:35, 12 min · 2 of 2 alerts firing
*Looking:* observability
Reported: kubernetes, cicd, cost
[Take over] [Open in console]\
""")
    assert "plan" not in {block["type"] for block in card.without_tasks}
    asking = card_of(records["waiting for a decision"], console=CONSOLE)
    assert asking.without_tasks == (), "only a card that looks has tasks"


def test_a_storm_in_one_message(records: dict[str, IncidentRecord]) -> None:
    names = ("looking, just opened", "waiting for a decision", "verified")
    _, blocks = storm_of([records[name].incident for name in names])
    assert blocks_text([dict(block) for block in blocks]) == snapshot("""\
# Storm: 3 more incidents at once
  worst SEV1  ·  since 02:47 UTC  ·  their cards are in the thread
*SEV1*  02:47  checkout returns 5xx  opened
*SEV1*  02:47  checkout returns 5xx  waiting for a decision
*SEV1*  02:47  checkout returns 5xx  verified\
""")
    assert problems_of_message(blocks, "") == []


def test_mild_incidents_in_one_message(records: dict[str, IncidentRecord]) -> None:
    names = ("inconclusive", "inconclusive", "resolved by itself")
    heads = [records[name].incident for name in names]
    text, blocks = digest_of(heads, begun=NOW - timedelta(days=1), due=NOW, console=CONSOLE)
    assert blocks_text([dict(block) for block in blocks]) == snapshot("""\
# 3 mild incidents, nothing to decide
  16 Nov 2026 02:47 to 17 Nov 2026 02:47 UTC  ·  2 inconclusive, 1 resolved
*SEV1*  checkout returns 5xx  3 times, last  02:47  inconclusive  open\
""")
    assert problems_of_message(blocks, text) == []


def test_every_state_is_taken_by_slack(records: dict[str, IncidentRecord]) -> None:
    for state, record in records.items():
        card = card_of(record, console=CONSOLE)
        assert problems_of_message(card.blocks, card.text) == [], state
        assert problems_of_message(card.without_tasks, card.text) == [], state


def test_while_execution_is_paused_a_card_that_asks_says_that_nothing_would_run(
    records: dict[str, IncidentRecord],
) -> None:
    for state in ASKING:
        paused = records[state].model_copy(update={"switch": Switch(paused=True, reason="change freeze")})
        assert "*Execution is paused*  What is approved now is not run, and has to be approved again." in text_of(
            paused
        )
        assert "paused" not in text_of(records[state])


def test_what_people_repaired_is_not_said_to_have_resolved_by_itself(records: dict[str, IncidentRecord]) -> None:
    """After an undo people own the incident; its alerts resolve when they have repaired it."""
    undone = records["undone"]
    head = undone.incident.model_copy(update={"phase": Phase.RESOLVED, "closed_at": undone.now})
    said = text_of(undone.model_copy(update={"incident": head}))
    assert "by itself" not in said
    assert "without a change by Midwatch" not in said
    assert "*Taken back*" in said


def test_only_a_card_that_asks_has_buttons_that_decide(records: dict[str, IncidentRecord]) -> None:
    for state, record in records.items():
        assert ("[Approve" in text_of(record)) == (state in ASKING), state


# ---- What a person needs to decide ----------------------------------------------------------------------------------


def needed(body: ProposalBody, statement: str) -> Iterator[tuple[str, str]]:
    """(what, words) that a card has to hold before anybody may be asked to decide."""
    yield "cause", statement.split(". ", maxsplit=1)[0].replace("->", "\u2192")
    yield "confidence", f"{round(body.confidence * 100)} %"
    for action in body.actions:
        yield "action", action.summary
        yield "target", action.request.target.rsplit("/", 1)[1]
        yield "blast radius", action.blast_radius.summary
        yield "undo", action.undo
        yield "rehearsal", action.preview.by
    if body.rehearsal is not None:
        yield "twin", body.rehearsal.summary
        for change in action.preview.diff:
            yield "diff, before", str(change.before)
            yield "diff, after", str(change.after)
    for check in body.checks:
        yield "check", check.text
    yield "rule of the policy", body.policy.rule
    yield "who may approve", body.policy.approvers[0].replace("oncall", "on-call")
    yield "how many approvals", f"/{body.policy.approvals}*"
    yield "expiry", f"*Expires*  {body.expires_at:%H:%M} UTC"
    yield "risk", body.risk.value


def missing(text: str, record: IncidentRecord) -> list[str]:
    """What a card lacks."""
    assert record.diagnosis is not None
    body, statement = record.proposals[-1].body, record.diagnosis.leading[0].statement
    return [what for what, words in needed(body, statement) if words not in text]


@pytest.mark.parametrize("state", ASKING)
def test_a_card_that_asks_holds_all_that_a_decision_takes(records: dict[str, IncidentRecord], state: str) -> None:
    assert missing(text_of(records[state]), records[state]) == []


def test_a_rehearsal_in_a_twin_is_told(records: dict[str, IncidentRecord]) -> None:
    twin = Prediction(outlook=Outlook.RECOVERS, seconds=50)
    record = with_body(records["waiting for a decision"], rehearsal=twin)
    assert "the twin recovers in 50 s" in text_of(record)
    assert missing(text_of(record), record) == []
    assert "twin" in missing(text_of(records["waiting for a decision"]), record)


def test_the_lint_bites(records: dict[str, IncidentRecord]) -> None:
    record = records["waiting for a decision"]
    assert record.diagnosis is not None
    text, statement = text_of(record), record.diagnosis.leading[0].statement
    for what, words in needed(record.proposals[-1].body, statement):
        assert what in missing(text.replace(words, ""), record), what


# ---- Sizes, bells and secrets ---------------------------------------------------------------------------------------


def test_an_incident_of_any_size_fits(records: dict[str, IncidentRecord]) -> None:
    record = records["waiting for a decision"]
    [action] = record.proposals[0].body.actions
    changes = tuple(FieldChange(path=f"spec.{'deep.' * 60}{n}", before="x" * 900, after="y" * 900) for n in range(300))
    action = action.model_copy(
        update={"summary": "do it " * 900, "preview": action.preview.model_copy(update={"diff": changes})}
    )
    big = with_body(record, actions=(action,) * 12)
    big = big.model_copy(update={"incident": big.incident.model_copy(update={"title": "title " * 900})})
    card = card_of(big, console=CONSOLE)
    assert problems_of_message(card.blocks, card.text) == []


HOSTILE = "<!channel> <@U123> @here @channel <https://evil.example|click> password=hunter2-and-more &amp; `code`"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("one\ntwo", "one\ntwo", id="what fits is left alone"),
        pytest.param(
            "first line\nsecond <https://a.example/b|link>", "first line\n\u2026", id="a line goes as a whole"
        ),
        pytest.param("so see <https://a.example/b|link>", "so see\u2026", id="half a link goes too"),
        pytest.param("fish &amp; chips &amp; more", "fish &amp; chips\u2026", id="half an escape goes too"),
    ],
)
def test_what_is_cut_is_cut_between_lines_or_words(text: str, shown: str) -> None:
    assert whole(text, most=22) == shown
    assert len(shown) <= 22


def rings(card: Card) -> list[tuple[str, str]]:
    workspace = Workspace()
    blocks = [dict(block) for block in card.blocks]
    workspace.ring(Message(channel="C", ts="1", user="U", text=card.text, blocks=blocks))
    workspace.ring(Message(channel="C", ts="1", user="U", text=card.text, blocks=[]))
    return workspace.notified


CHANGED: dict[str, Callable[[IncidentRecord], IncidentRecord]] = {
    "title": lambda r: r.model_copy(update={"incident": r.incident.model_copy(update={"title": HOSTILE})}),
    "every text": lambda r: IncidentRecord.model_validate_json(
        re.sub(
            r'"(text|statement|summary|undo|reason|suspicion|because|why)":"[^"]* [^"]*"',
            rf'"\1":"{HOSTILE}"',
            r.model_dump_json(),
        )
    ),
}


@pytest.mark.parametrize("where", list(CHANGED))
def test_text_from_outside_rings_no_bell_and_shows_no_secret(records: dict[str, IncidentRecord], where: str) -> None:
    for state, record in records.items():
        card = card_of(CHANGED[where](record), console=CONSOLE)
        assert rings(card) == [], state
        assert "hunter2" not in str(card.blocks) + card.text, state
        formatted = "".join(mrkdwn_texts([dict(block) for block in card.blocks]))
        assert "<https://evil.example" not in formatted, state


@given(st.text(alphabet=st.sampled_from("<>!@&|channelhere#CU^`*_~ \n"), max_size=80))
def test_no_text_becomes_a_mention_or_a_link(text: str) -> None:
    said = safe(text)
    assert "<" not in said
    assert ">" not in said
    assert not re.search(r"@(channel|here|everyone)", said)
