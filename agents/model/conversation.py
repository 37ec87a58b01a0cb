"""One conversation with a chat model: LangChain's agent loop with tools, limits and a structured answer.

The only module that imports LangChain's agents; it is itself imported when a model is really asked.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelCallLimitMiddleware, ToolCallLimitMiddleware
from langchain.agents.middleware.types import InputAgentState, ModelRequest, ModelResponse
from langchain.agents.structured_output import ToolStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from agents.model.answer import Answer
from agents.model.prompt import SYSTEM
from agents.model.record import TEXT_LIMIT, Message
from agents.model.settings import ModelBudget, Prices
from agents.model.toolbox import Toolbox
from incidents.redaction import redact

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

ANSWER_TOOL_SAID = "Received."
"""What the model is told when it gave its answer; a judgement follows only when it does not hold."""


class OverBudgetError(Exception):
    """The model used up what it may use; the message says what."""


class NoFormError(Exception):
    """The model did not answer in the form that was asked for, although that was pointed out."""


@dataclass(kw_only=True)
class Meter:
    """What a conversation has used so far."""

    budget: ModelBudget
    prices: Prices
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def usd(self) -> float:
        """Money, where prices are known."""
        return self.prices.usd(tokens_in=self.tokens_in, tokens_out=self.tokens_out)

    def check(self) -> None:
        """Raises OverBudgetError before a call that would go beyond the budget."""
        if self.calls >= self.budget.calls:
            raise OverBudgetError(f"it used its {self.budget.calls} calls")
        if self.tokens_in + self.tokens_out >= self.budget.tokens:
            raise OverBudgetError(f"it used its {self.budget.tokens:,} tokens")
        if self.usd > self.budget.usd:
            raise OverBudgetError(f"it used its {self.budget.usd:.2f} $")

    def add(self, messages: Sequence[object]) -> None:
        """Count what one call used."""
        self.calls += 1
        for message in messages:
            usage = message.usage_metadata if isinstance(message, AIMessage) else None
            if usage:
                self.tokens_in += usage["input_tokens"]
                self.tokens_out += usage["output_tokens"]


class Metered(AgentMiddleware[Any, Any]):
    """Counts every call of the model, refuses the one that would exceed the budget, and keeps what was said so far."""

    def __init__(self, meter: Meter, keep: "Callable[[list[AnyMessage]], None]") -> None:
        """`meter` is read by the engine afterwards; `keep` is given the messages after each call."""
        super().__init__()
        self.meter, self.keep = meter, keep

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Check, call, count."""
        self.meter.check()
        response = await handler(request)
        self.meter.add(response.result)
        said: list[AnyMessage] = [
            message for message in response.result if isinstance(message, AIMessage | ToolMessage)
        ]
        self.keep([*request.messages, *said])
        return response


@dataclass(kw_only=True)
class Conversation:
    """Turns with one model about one case. `ask` may be called again to have mistakes corrected."""

    model: BaseChatModel
    toolbox: Toolbox
    meter: Meter
    messages: list[AnyMessage] = field(default_factory=list)
    misfits: int = 0

    async def ask(self, prompt: str) -> Answer | None:
        """One turn with as many questions to the tools as the budget allows. None: it gave no answer in the form."""
        agent = create_agent(
            self.model,
            tools=self.toolbox.tools(),
            system_prompt=SYSTEM,
            middleware=[
                Metered(self.meter, self._keep),
                ModelCallLimitMiddleware(run_limit=self.meter.budget.calls, exit_behavior="end"),
                ToolCallLimitMiddleware(run_limit=self.meter.budget.tool_calls, exit_behavior="continue"),
            ],
            response_format=ToolStrategy(Answer, tool_message_content=ANSWER_TOOL_SAID, handle_errors=self._misfit),
        )
        said: InputAgentState = {"messages": [*_sendable(self.messages), HumanMessage(prompt)]}
        config: RunnableConfig = {"recursion_limit": 4 * self.meter.budget.calls + 8}
        state = await agent.ainvoke(said, config)
        self.messages = list(state["messages"])
        answer = state.get("structured_response")
        return answer if isinstance(answer, Answer) else None

    def _keep(self, messages: list[AnyMessage]) -> None:
        self.messages = messages

    def _misfit(self, error: Exception) -> str:
        """What is told once when the answer has not the form; raises NoFormError the second time."""
        self.misfits += 1
        if self.misfits > 1:
            raise NoFormError(f"its answer had not the form that was asked for, twice: {error}"[:600])
        return f"The answer has not the form that was asked for: {error}. Give the whole answer again."

    def transcript(self) -> tuple[Message, ...]:
        """Everything that was said, redacted and bounded."""
        return tuple(_message(message) for message in self.messages)


def _sendable(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Without calls whose arguments were no JSON: providers refuse a history in which a call was never answered."""
    return [message for message in messages if not (isinstance(message, AIMessage) and message.invalid_tool_calls)]


def _message(message: AnyMessage) -> Message:
    called = tuple(call["name"] for call in message.tool_calls) if isinstance(message, AIMessage) else ()
    name = (message.name,) if message.type == "tool" and message.name else ()
    content = message.text or _arguments(message)
    return Message(role=message.type, text=redact(content)[:TEXT_LIMIT], tools=called or name)


def _arguments(message: AnyMessage) -> str:
    """An AI message that only calls tools says its arguments."""
    return str([call["args"] for call in message.tool_calls]) if isinstance(message, AIMessage) else ""
