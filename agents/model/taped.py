"""A chat model that is recorded, or that says again what was recorded: a model's run can be repeated without a key.

Calls are found by a digest of the conversation and the names of the tools. What was not recorded is an error, never an
invention, and never a call of the real model behind one's back.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, message_to_dict, messages_from_dict
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field

from incidents.canonical import digest_of, short
from incidents.recording import ModelCall
from incidents.redaction import redact

KEY_LENGTH = 32
"""Hexadecimal digits of a key: no two conversations of any recording collide."""


class NotTapedError(Exception):
    """This conversation was not recorded: run it once with the model itself."""


class TapedChat(BaseChatModel):
    """Passes calls on to `inner` and keeps them, or, without one, answers from `tape`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    inner: BaseChatModel | None = None
    tape: dict[str, ModelCall] = Field(default_factory=dict)
    """By key; recorded calls are added to it."""

    @property
    def _llm_type(self) -> str:
        return "taped"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **options: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Keep the tools for the call: their names are part of its key."""
        listed = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=listed, tool_choice=tool_choice, **options)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        tool_choice: str | None = None,
        **options: Any,
    ) -> ChatResult:
        key = key_of(messages, tools=tools)
        if self.inner is None:
            return _result(self._said(key))
        model: Runnable[LanguageModelInput, Any] = self.inner
        if tools:
            model = self.inner.bind_tools([dict(tool) for tool in tools], tool_choice=tool_choice, **options)
        said = await model.ainvoke(messages, stop=stop)
        self.tape[key] = ModelCall(key=key, response=redact(json.dumps(message_to_dict(said), ensure_ascii=False)))
        # What is recorded is what the conversation goes on with: the next call has the same key when it is repeated.
        return _result(self._said(key))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **options: Any,
    ) -> ChatResult:
        raise NotImplementedError("agents ask models asynchronously only")

    def _said(self, key: str) -> BaseMessage:
        call = self.tape.get(key)
        if call is None:
            raise NotTapedError(f"conversation {key[:12]} was not recorded: run it once with the model itself")
        return messages_from_dict([json.loads(call.response)])[0]


def key_of(messages: Sequence[BaseMessage], *, tools: Sequence[Mapping[str, Any]] = ()) -> str:
    """A digest of what is said and which tools are offered; ids that a provider makes up are left out."""
    names = sorted(str(tool["function"]["name"]) for tool in tools)
    said = [
        {
            "type": message.type,
            "content": message.content,
            "calls": [[call["name"], call["args"]] for call in message.tool_calls]
            if isinstance(message, AIMessage)
            else [],
        }
        for message in messages
    ]
    return short(digest_of(json.loads(json.dumps({"said": said, "tools": names}, default=str))), length=KEY_LENGTH)


def _result(message: BaseMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])
