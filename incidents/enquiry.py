"""Questions about a service that need no incident, and their answers: its owner, its changes, what runs, its cost."""

from datetime import datetime
from enum import StrEnum

from incidents.value import Value


class Topic(StrEnum):
    """What somebody wants to know of a service."""

    OWNER = "owner"
    """Who owns it."""
    CHANGES = "changes"
    """What changed of it lately."""
    DEPLOYED = "deployed"
    """What of it is deployed, since when, and whether it is well."""
    COST = "cost"
    """What it costs."""
    METRIC = "metric"
    """How a measure of it went; the detail says which."""


class Measure(StrEnum):
    """What can be shown as a curve."""

    P50 = "p50"
    P99 = "p99"
    ERRORS = "errors"
    """Share of requests that failed."""
    TRAFFIC = "traffic"
    """Requests per second."""


class Question(Value):
    """One question as it was understood."""

    topic: Topic
    name: str = ""
    """The service, as people call it, or `namespace/name`; empty: the one that the conversation is about."""
    detail: str = ""
    """A commit (`deployed`) or a Measure (`metric`)."""

    @property
    def text(self) -> str:
        """As Midwatch says it back: `who owns payments`."""
        name = self.name or "it"
        match self.topic:
            case Topic.OWNER:
                return f"who owns {name}"
            case Topic.CHANGES:
                return f"what changed of {name}"
            case Topic.DEPLOYED:
                return f"whether {self.detail} of {name} is deployed" if self.detail else f"what of {name} is deployed"
            case Topic.COST:
                return f"what {name} costs"
            case Topic.METRIC:
                return f"{self.detail or 'p99'} of {name}"


class Told(Value):
    """One sentence of an answer, with where it was read and when."""

    text: str
    source: str
    """As people call it: `Argo CD`."""
    at: datetime
    """When it was read."""
    link: str = ""


class Drawing(Value):
    """A curve to show beside the words."""

    title: str
    unit: str
    """`ratio`, `seconds`, or what is counted."""
    points: tuple[tuple[datetime, float], ...]
    marks: tuple[tuple[datetime, str], ...] = ()
    """Moments to mark: deploys."""


class Answer(Value):
    """What was found out. Nothing told and nothing unseen: nobody knows a service of that name."""

    question: Question
    told: tuple[Told, ...] = ()
    unseen: tuple[str, ...] = ()
    """What could not be looked at, and why."""
    like: tuple[str, ...] = ()
    """Names that are nearly the one that nobody knows."""
    drawing: Drawing | None = None
