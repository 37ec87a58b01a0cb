"""The stand-in's eye: every block that the product sends is shown with all that it says, and none is passed over."""

from __future__ import annotations

import re
from typing import Any

import pytest

from incidents.ids import ProposalDigest
from service.slack.card import card_of
from service.slack.modals import Origin, reject_modal, typed_modal
from service.story.record import IncidentRecord
from tests.slack.records import PLAYED, all_records
from tests.slack.standin.looks import Looks, UnknownBlockError
from tests.slack.standin.mrkdwn import mrkdwn
from tests.slack.standin.workspace import BOT_USER, Message, User, Workspace

NAMES = {"U1": "Dana", "S1": "oncall"}
DIGEST = ProposalDigest("sha256:1")


@pytest.fixture(scope="module")
def records() -> dict[str, IncidentRecord]:
    return all_records()


@pytest.fixture
def looks() -> Looks:
    workspace = Workspace(users={"U1": User(id="U1", name="Dana")}, files={"F1": b"png"})
    return Looks(workspace=workspace, time_of=lambda _: "02:47")


def words(html: str) -> str:
    body = html.partition("</style>")[2] or html
    return (
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
    )


@pytest.mark.parametrize("state", PLAYED)
def test_every_word_of_every_card_is_shown(looks: Looks, records: dict[str, IncidentRecord], state: str) -> None:
    card = card_of(records[state], console="https://midwatch.example.com")
    message = Message(channel="C1", ts="1.0", user=BOT_USER, text=card.text, blocks=list(card.blocks))
    shown = words(looks.thread([message], title="# incidents"))
    said = [text for block in card.blocks for text in plain_texts(block)]
    assert said
    missing = [word for text in said for word in re.findall(r"\w{4,}", text) if word not in shown]
    assert missing == []


def plain_texts(node: Any) -> list[str]:
    """What the blocks say, without addresses, confirmations and the values behind buttons."""
    match node:
        case {"text": str(text)}:
            return [re.sub(r"<https?://[^|>]+\|([^>]*)>", r"\1", text)]
        case dict():
            kept = (value for key, value in node.items() if key not in ("confirm", "options", "block_id"))
            return [text for value in kept for text in plain_texts(value)]
        case list():
            return [text for value in node for text in plain_texts(value)]
        case _:
            return []


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        pytest.param([{"type": "carousel"}], "carousel", id="a block"),
        pytest.param([{"type": "actions", "elements": [{"type": "datepicker"}]}], "datepicker", id="an element"),
        pytest.param([{"type": "section", "text": {"type": "html", "text": "x"}}], "html", id="a kind of text"),
        pytest.param(
            [{"type": "rich_text", "elements": [{"type": "rich_text_poem", "elements": []}]}],
            "rich_text_poem",
            id="rich text",
        ),
        pytest.param(
            [{"type": "image", "image_url": "https://e.example/x.png", "alt_text": "x"}],
            "address",
            id="a picture from elsewhere",
        ),
    ],
)
def test_what_is_not_known_is_an_error_and_no_gap(looks: Looks, blocks: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(UnknownBlockError, match=said):
        looks.blocks(blocks)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*Done* at 02:47", "<b>Done</b> at 02:47"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("_slow_ and snake_case_name", "<em>slow</em> and snake_case_name"),
        ("~256Mi~ 512Mi", "<s>256Mi</s> 512Mi"),
        ("`a *b* <https://x.example|c>`", '<code>a *b* <a href="https://x.example">c</a></code>'),
        ("```\nkubectl get\n```", "<pre>kubectl get\n</pre>"),
        ("<https://x.example/a|the *page*>", '<a href="https://x.example/a">the *page*</a>'),
        ("<@U1> <!subteam^S1> <!channel>", "<mark>@Dana</mark> <mark>@oncall</mark> <mark>@channel</mark>"),
        ("<!date^1700000000^{time}|22:13 UTC>", "22:13 UTC"),
        ("&gt; said\n&gt; twice\nand after", "<blockquote>said<br>twice</blockquote><br>and after"),
        ("a < b", "a &lt; b"),
        ("&lt;script&gt;", "&lt;script&gt;"),
    ],
)
def test_mrkdwn_is_shown_as_slack_shows_it(text: str, html: str) -> None:
    assert mrkdwn(text, NAMES) == html


def test_rich_text_lists_and_pictures_are_shown(looks: Looks) -> None:
    words_ = [{"type": "text", "text": "<b>", "style": {"bold": True}}, {"type": "user", "user_id": "U1"}]
    line = {"type": "rich_text_section", "elements": words_}
    rich = {"type": "rich_text", "elements": [line, {"type": "rich_text_list", "style": "bullet", "elements": [line]}]}
    html = looks.blocks([rich, {"type": "image", "slack_file": {"id": "F1"}, "alt_text": "failed requests"}])
    assert html.count("<b>&lt;b&gt;</b><mark>@Dana</mark>") == 2
    assert "src='data:image/png;base64,cG5n' alt='failed requests'" in html


def test_a_plan_shows_its_steps_and_how_they_stand(looks: Looks) -> None:
    tasks = [
        {"type": "task_card", "task_id": "1", "title": "Roll checkout back", "status": "in_progress"},
        {"type": "task_card", "task_id": "2", "title": "Watch it", "status": "pending"},
    ]
    assert words(looks.blocks([{"type": "plan", "title": "Executing", "tasks": tasks}])).split() == [
        *("Executing", "Roll", "checkout", "back", "in", "progress", "Watch", "it", "pending")
    ]
    with pytest.raises(UnknownBlockError, match="asleep"):
        looks.blocks([{"type": "plan", "title": "x", "tasks": [tasks[0] | {"status": "asleep"}]}])


def test_modals_show_what_they_ask_and_their_buttons(looks: Looks) -> None:
    origin = Origin(digest=DIGEST, channel="C1", thread="1.0")
    reject = words(looks.modal(reject_modal(origin, "Roll checkout back")))
    for part in ("Reject", "Roll checkout back", "Why should it not be done?", "for a month", "Back"):
        assert part in reject
    typed = words(looks.modal(typed_modal(origin, "Delete it", "checkout"), dark=True))
    assert "Name of the target" in typed


def test_dark_and_light_differ_in_nothing_but_the_theme(looks: Looks) -> None:
    view = {"type": "home", "blocks": [{"type": "divider"}]}
    assert looks.home(view, dark=True) == looks.home(view).replace("data-theme=light", "data-theme=dark")
