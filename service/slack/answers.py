"""An answer about the estate as a message: what was asked, sentences with sources and times, what is unseen. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.enquiry.grammar import KNOWN
from agents.wording import listed
from incidents.enquiry import Answer, Told
from orchestrator.enquiries import Asked
from service.slack.blocks import Block, context, section
from service.slack.mrkdwn import bare, bold, link, safe
from service.story.words import hm, sentence

MOST = 12
"""Sentences of one answer."""
CAN = "I can answer: " + "  \u00b7  ".join(f"_{form}_" for form in KNOWN)
NOT_UNDERSTOOD = f"I did not understand that as a question about a service.\n{CAN}"
OF_WHICH = f"Of which service? Nothing in this conversation says it.\n{CAN}"
LOOK = "look"
"""Id of the one task of a streamed answer."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What Slack is given."""

    text: str
    blocks: tuple[Block, ...]
    task: str
    """What is being done, in plain words, for workspaces that show tasks."""
    done: bool


def reply_of(payload: Mapping[str, Any]) -> Reply:
    """The message as it stands: still looking, or answered."""
    if "asked" in payload:
        asked = Asked.model_validate(payload["asked"])
        what = asked.question.text if asked.question and asked.question.name else "that"
        words = f"Looking up {what}"
        return Reply(
            text=safe(words), blocks=(section(f"_{safe(words)} \u2026_"),), task=bare(words, most=200), done=False
        )
    if not payload["answer"]:
        return Reply(text=safe(NOT_UNDERSTOOD), blocks=(section(OF_WHICH),), task="Not understood", done=True)
    answer = Answer.model_validate(payload["answer"])
    title = sentence(answer.question.text)
    lines = [_line(told) for told in answer.told[:MOST]] or [_nobody(answer)]
    blocks = [section("\n".join([bold(title), *lines]))]
    if answer.unseen:
        blocks.append(context(f"*Not seen*  {safe('; '.join(answer.unseen), most=900)}"))
    first = answer.told[0].text if answer.told else _nobody(answer)
    return Reply(text=safe(f"{title}: {first}"), blocks=tuple(blocks), task=bare(title, most=200), done=True)


def _line(told: Told) -> str:
    source = link(told.link, told.source) if told.link else safe(told.source)
    return f"\u2022 {safe(told.text, most=240)}  _from {source} {hm(told.at)}_"


def _nobody(answer: Answer) -> str:
    if answer.unseen:
        return "Nothing could be seen."
    like = f" Did you mean {listed(answer.like)}?" if answer.like else ""
    return safe(f"No workload is called {answer.question.name}.{like}")
