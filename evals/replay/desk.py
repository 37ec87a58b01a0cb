"""A desk that answers from what was recorded. A question that was not asked then has no answer, and none is made up."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError

from incidents.finding import AgentName
from incidents.ids import QuestionId
from incidents.recording import Answer, Look, Missed, ModelCall
from incidents.value import Value
from orchestrator.desk import LiveDesk
from tools.errors import NotConfiguredError, NotRecordedError, PermanentError, ToolError, TransientError
from tools.probe import Observation, Probe

ArgsT = TypeVar("ArgsT", bound=Value)
ViewT = TypeVar("ViewT", bound=Value)


class RecordedDesk(LiveDesk):
    """The live desk's budget, order and gaps over recorded answers."""

    def __init__(self, *, answers: Mapping[tuple[str, str], Answer], **desk: Any) -> None:
        """`answers` are by probe and arguments; the rest is the live desk's."""
        super().__init__(**desk)
        self._recorded = answers

    async def ask(self, probe: Probe[ArgsT, ViewT], args: ArgsT) -> Observation[ViewT] | ToolError:
        """Look the answer up. NotRecordedError for a question that was not asked."""
        answer = self._recorded.get((probe.name, args.model_dump_json()))
        if answer is None:
            return NotRecordedError(f"{probe.name} was not asked this when the incident was handled: not recorded")
        return _given(probe, answer)


def _given(probe: Probe[Any, ViewT], answer: Answer) -> Observation[ViewT] | ToolError:
    match answer.missed:
        case Missed.NOT_CONFIGURED:
            return NotConfiguredError(answer.problem)
        case Missed.TRANSIENT:
            return TransientError(answer.problem)
        case Missed.PERMANENT:
            return PermanentError(answer.problem)
        case None:
            return _seen(probe, answer)


def _seen(probe: Probe[Any, ViewT], answer: Answer) -> Observation[ViewT] | ToolError:
    evidence, written = answer.evidence, answer.view_json
    if evidence is None or written is None:
        return NotRecordedError(f"what {probe.name} saw was not recorded")
    try:
        view = probe.view.model_validate_json(written)
    except ValidationError:
        return NotRecordedError(f"what {probe.name} saw was recorded in a form that this version does not read")
    return Observation(view=view, evidence=evidence, entities=answer.entities, verbatim=answer.view is None)


class Recorded:
    """All looks of an incident, by errand."""

    def __init__(self, looks: Iterable[Look], *, otherwise: datetime) -> None:
        """`otherwise` is the time for an errand that was not run then."""
        self._looks = {(look.agent, look.round, look.question): look for look in looks}
        self._otherwise = otherwise
        every = [answer for look in self._looks.values() for answer in look.answers]
        self._all = {(answer.probe, answer.arguments): answer for answer in every}

    def at(self, agent: AgentName, round_: int, question: QuestionId | None) -> datetime:
        """When that errand was run; for one that was not, when the last one of its round or of all was."""
        if look := self._looks.get((agent, round_, question)):
            return look.at
        same = [look.at for (_, number, _), look in self._looks.items() if number == round_]
        return max(same, default=self._otherwise)

    def calls(self, agent: AgentName, round_: int, question: QuestionId | None) -> tuple[ModelCall, ...]:
        """What a model said on that errand."""
        look = self._looks.get((agent, round_, question))
        return look.calls if look else ()

    def desks(self, agent: AgentName, round_: int, question: QuestionId | None) -> Callable[..., LiveDesk]:
        """What makes the desk of that errand: its own answers first, then what anybody was told in the same words."""
        look = self._looks.get((agent, round_, question))
        own = {(answer.probe, answer.arguments): answer for answer in look.answers} if look else {}
        return partial(RecordedDesk, answers=self._all | own)
