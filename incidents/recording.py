"""What was asked while an incident was handled and what came back, so that the investigation can be run again offline.

A recording holds answers, never a live system: what was not asked then cannot be answered later.
"""

from datetime import datetime
from enum import StrEnum

from incidents.canonical import canonical, digest_of, short
from incidents.evidence import Evidence
from incidents.finding import AgentName
from incidents.ids import EntityId, QuestionId
from incidents.value import Value


class Missed(StrEnum):
    """Why a question had no answer."""

    NOT_CONFIGURED = "not_configured"
    """The system is not connected."""
    TRANSIENT = "transient"
    """It did not answer in time, or was overloaded."""
    PERMANENT = "permanent"
    """It refused: forbidden, not found, a query that it does not understand."""


class Answer(Value):
    """One question and what came back: a view with its evidence, or the reason why there is none."""

    probe: str
    arguments: str
    """The probe's arguments as canonical JSON."""
    view: str | None = None
    """The view as JSON, redacted; None when it is word for word the evidence's body, or when nothing was seen."""
    evidence: Evidence | None = None
    entities: tuple[EntityId, ...] = ()
    """Entities about which the view is complete."""
    missed: Missed | None = None
    problem: str = ""

    @property
    def key(self) -> str:
        """The same question has the same key."""
        return question_key(self.probe, self.arguments)

    @property
    def view_json(self) -> str | None:
        """The view as JSON; None when nothing was seen."""
        if self.evidence is None:
            return None
        return self.evidence.body if self.view is None else self.view


class ModelCall(Value):
    """One call of a chat model: a digest of what was sent, and what came back, redacted."""

    key: str
    """Over messages and names of tools: the same conversation has the same key, whoever served the model."""
    response: str
    """The model's message as JSON."""


class Look(Value):
    """One errand of one specialist: when it looked (its windows are counted from there), and what it asked."""

    agent: AgentName
    round: int
    question: QuestionId | None = None
    at: datetime
    answers: tuple[Answer, ...] = ()
    calls: tuple[ModelCall, ...] = ()
    """Of the diagnostician, when a model argued: its answers are those of the model's own questions."""

    @property
    def key(self) -> str:
        """Names the errand within its incident."""
        return f"{self.agent}:{self.round}:{self.question or ''}"


def question_key(probe: str, arguments: str) -> str:
    """A short digest of what is asked."""
    return short(digest_of(canonical({"probe": probe, "arguments": arguments})))
