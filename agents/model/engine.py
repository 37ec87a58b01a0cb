"""The model engine: the rule engine's interface, with a chat model behind it and the rule engine's answer beneath it.

It never raises for what a model or its provider does: when anything is wrong the rule engine's answer stands, and
`engine_note` says why. LangChain is imported when a model is asked for the first time, not when the process starts.
"""

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from agents.diagnostician.reading import Reading
from agents.model.judging import diagnosis_of, problems
from agents.model.prompt import case_prompt, repair_prompt
from agents.model.record import Ending, ModelRecord
from agents.model.settings import ModelBudget, ModelSettings, Prices
from agents.model.toolbox import Toolbox
from agents.runbooks.library import Library
from agents.specialist import Desk
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis
from incidents.evidence import Evidence
from incidents.recording import ModelCall
from incidents.redaction import redact
from incidents.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.language_models import BaseChatModel

    from agents.model.conversation import Conversation
    from agents.model.taped import TapedChat

log = structlog.get_logger(__name__)

RETRIES = 2
"""Times that the provider's client asks again after 429, 5xx or a lost connection, by itself, with back-off."""

NO_ANSWER = "there was no answer in the form that was asked for"


class Argued(Value):
    """What came of it."""

    diagnosis: Diagnosis
    """The model's when it holds, else the rule engine's with the reason in `engine_note`."""
    record: ModelRecord
    evidence: tuple[Evidence, ...] = ()
    """Observations that the model's own questions brought; the caller adds them to the case."""
    calls: tuple[ModelCall, ...] = ()
    """What was said to and by the model, for a replay."""


class ModelEngine:
    """Argues cases with one model."""

    def __init__(
        self, name: str, *, chat: "Callable[[], BaseChatModel]", budget: ModelBudget, prices: Prices | None = None
    ) -> None:
        """`chat` makes the model on first use, so that a replay can put a recorded one in its place."""
        self.name, self.budget, self.prices = name, budget, prices or Prices()
        self._chat = chat
        self._model: BaseChatModel | None = None

    async def argue(
        self,
        case: CaseFile,
        rules: Diagnosis,
        library: Library,
        desk: Desk,
        *,
        now: datetime,
        budget: ModelBudget | None = None,
        alone: bool = False,
    ) -> Argued:
        """Have the model argue the case. `rules` is the rule engine's answer; `budget` what is left of the engine's.

        `alone`: nobody has looked before it, so that nothing seen to hurt means nothing.
        """
        if not alone and not Reading(case).hurting and not rules.leading:
            record = ModelRecord(model=self.name, ending=Ending.NOT_ASKED, problems=("nothing hurts",))
            return Argued(diagnosis=rules, record=record)
        turn = _Turn(self, case=case, rules=rules, library=library, desk=desk, budget=budget or self.budget)
        return await turn.run(now=now)

    def model(self) -> "BaseChatModel":
        """The chat model, made on first use."""
        if self._model is None:
            self._model = self._chat()
        return self._model


class _Turn:
    """One argument: the conversation, its one repair, and what is told of it."""

    def __init__(
        self,
        engine: ModelEngine,
        *,
        case: CaseFile,
        rules: Diagnosis,
        library: Library,
        desk: Desk,
        budget: ModelBudget,
    ) -> None:
        self.engine, self.case, self.rules, self.library, self.budget = engine, case, rules, library, budget
        self.toolbox = Toolbox(desk, known={evidence.id: evidence for evidence in case.evidence})
        self.conversation: Conversation | None = None
        self.taped: TapedChat | None = None
        self.started = time.monotonic()

    async def run(self, *, now: datetime) -> Argued:
        from agents.model.conversation import NoFormError, OverBudgetError

        try:
            async with asyncio.timeout(self.budget.seconds):
                return await self._argue(now=now)
        except TimeoutError:
            return self._fall_back(Ending.TIMED_OUT, [f"it took longer than {self.budget.seconds:.0f} s"])
        except OverBudgetError as spent:
            return self._fall_back(Ending.OVER_BUDGET, [str(spent)])
        except NoFormError as misfit:
            return self._fall_back(Ending.INVALID, [str(misfit)])
        except Exception as error:  # noqa: BLE001 - every provider's client has errors of its own; the rules' answer stands
            log.warning(
                "The model could not be asked", action="model_unavailable", model=self.engine.name, error=repr(error)
            )
            return self._fall_back(Ending.UNAVAILABLE, [redact(f"{type(error).__name__}: {error}")[:300]])

    async def _argue(self, *, now: datetime) -> Argued:
        from agents.model.conversation import Conversation, Meter
        from agents.model.taped import TapedChat

        meter = Meter(budget=self.budget, prices=self.engine.prices)
        self.taped = TapedChat(inner=await asyncio.to_thread(self.engine.model))
        self.conversation = Conversation(model=self.taped, toolbox=self.toolbox, meter=meter)
        prompt, wrong = case_prompt(self.case, self.rules, self.library), [NO_ANSWER]
        for ending in (Ending.ACCEPTED, Ending.REPAIRED):
            answer = await self.conversation.ask(prompt)
            wrong = [NO_ANSWER]
            if answer is not None:
                wrong = problems(answer, case=self.case, library=self.library, evidence=self.toolbox.evidence)
            if answer is not None and not wrong:
                actions = tuple(dict.fromkeys(kind for p in answer.hypotheses for kind in p.actions))
                record = self._record(ending, actions=actions)
                note = f"argued by {self.engine.name}: {record.cost}"
                diagnosis = diagnosis_of(
                    answer, case=self.case, rules=self.rules, library=self.library, note=note, now=now
                )
                return Argued(diagnosis=diagnosis, record=record, evidence=self._new(), calls=self._calls())
            prompt = repair_prompt(wrong[:MOST_PROBLEMS])
        return self._fall_back(Ending.INVALID, wrong)

    def _fall_back(self, ending: Ending, wrong: list[str]) -> Argued:
        record = self._record(ending, wrong=wrong)
        because = "; ".join(wrong[:MOST_PROBLEMS])
        note = f"the rule engine's answer stands, {self.engine.name} {SAID[ending]}: {because} ({record.cost})"
        diagnosis = self.rules.model_copy(update={"engine_note": note})
        return Argued(diagnosis=diagnosis, record=record, evidence=self._new(), calls=self._calls())

    def _record(self, ending: Ending, *, wrong: list[str] | None = None, actions: tuple[str, ...] = ()) -> ModelRecord:
        talk = self.conversation
        meter = talk.meter if talk else None
        return ModelRecord(
            model=self.engine.name,
            ending=ending,
            calls=meter.calls if meter else 0,
            tool_calls=self.toolbox.asked,
            tokens_in=meter.tokens_in if meter else 0,
            tokens_out=meter.tokens_out if meter else 0,
            usd=round(meter.usd, 6) if meter else 0.0,
            seconds=round(time.monotonic() - self.started, 3),
            problems=tuple(wrong or ()),
            suggested_actions=actions,
            messages=talk.transcript() if talk else (),
        )

    def _calls(self) -> tuple[ModelCall, ...]:
        return tuple(self.taped.tape.values()) if self.taped else ()

    def _new(self) -> tuple[Evidence, ...]:
        known = {evidence.id for evidence in self.case.evidence}
        return tuple(evidence for evidence in self.toolbox.evidence.values() if evidence.id not in known)


MOST_PROBLEMS = 8
"""Mistakes that are pointed out at once."""

SAID = {
    Ending.INVALID: "gave no answer that holds",
    Ending.OVER_BUDGET: "was stopped",
    Ending.TIMED_OUT: "was stopped",
    Ending.UNAVAILABLE: "could not be asked",
}


def replaying(name: str, calls: Iterable[ModelCall], *, budget: ModelBudget | None = None) -> ModelEngine:
    """An engine whose model says again what was recorded. What was not recorded lets the rule engine's answer stand."""
    tape = {call.key: call for call in calls}

    def chat() -> "BaseChatModel":
        from agents.model.taped import TapedChat

        return TapedChat(tape=tape)

    return ModelEngine(name, chat=chat, budget=budget or ModelBudget())


def engine_of(settings: ModelSettings) -> ModelEngine | None:
    """The engine that the settings ask for; None without a model."""
    if not settings.name:
        return None

    def chat() -> "BaseChatModel":
        from langchain.chat_models import init_chat_model

        given: dict[str, Any] = {"base_url": settings.base_url, "api_key": settings.api_key}
        options = {name: value for name, value in given.items() if value}
        options |= {"temperature": settings.temperature, "timeout": settings.timeout_seconds, "max_retries": RETRIES}
        made: BaseChatModel = init_chat_model(settings.name, **options)
        return made

    prices = Prices(usd_in=settings.usd_per_million_in, usd_out=settings.usd_per_million_out)
    return ModelEngine(settings.name, chat=chat, budget=ModelBudget.of(settings), prices=prices)
