"""The form in which a model answers. Everything in it is a claim; `agents.model.judging` decides what of it holds."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of the answer: closed, so that an invented field is a mistake that is said."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AnswerVerdict(StrEnum):
    """How the argument ends."""

    DIAGNOSED = "diagnosed"
    SEVERAL = "several"
    INCONCLUSIVE = "inconclusive"


class Claim(Part):
    """One point."""

    text: Annotated[str, Field(min_length=1, max_length=600, description="One sentence with figures and times.")]
    evidence: Annotated[
        list[str], Field(min_length=1, max_length=12, description="Ids (ev-...) of the observations that show it.")
    ]


class Suspect(Part):
    """A suspicion that does not hold."""

    suspicion: Annotated[str, Field(min_length=1, max_length=300)]
    entity: Annotated[str | None, Field(description="Its id from the inventory, or null.")] = None
    because: Annotated[str, Field(min_length=1, max_length=400)]
    evidence: list[str] = []


class Proposition(Part):
    """One hypothesis."""

    cause: Annotated[
        str, Field(max_length=120, description="Slug of a known cause, or `unknown` when none of them fits.")
    ]
    title: Annotated[str, Field(max_length=200, description="For an unknown cause: what it is, in a few words.")] = ""
    entity: Annotated[str, Field(description="Id of the culprit, exactly as the inventory writes it.")]
    probability: Annotated[float, Field(ge=0, le=1, description="How sure you are, 0 to 1.")]
    statement: Annotated[
        str, Field(min_length=1, max_length=800, description="What is wrong with what, since when, by which change.")
    ]
    speaks_for: Annotated[list[Claim], Field(max_length=12)] = []
    speaks_against: Annotated[list[Claim], Field(max_length=12)] = []
    would_decide: Annotated[
        list[str], Field(max_length=8, description="What was not seen and would make it surer or less sure.")
    ] = []
    actions: Annotated[
        list[str], Field(max_length=6, description="Kinds of actions from the catalogue that would repair it.")
    ] = []


class Answer(Part):
    """Your whole answer. Give it once, when further questions would not change it."""

    verdict: AnswerVerdict
    reason: Annotated[str, Field(min_length=1, max_length=400, description="Why this verdict, in a sentence.")]
    hypotheses: Annotated[list[Proposition], Field(max_length=8, description="Likeliest first.")] = []
    ruled_out: Annotated[list[Suspect], Field(max_length=8)] = []
