"""Answers of `/v1/chat/completions` and `/v1/fim/completions`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ingot.infer.text import Token
from ingot.serve.answers.logprobs import chat_logprobs
from ingot.serve.answers.reading import Call, Said
from ingot.serve.answers.voice import DONE, Answer, Head, error_event, event
from ingot.serve.asks.asked import Asked
from ingot.serve.dialect import Dialect, Finish
from ingot.serve.refusal import Refusal
from ingot.serve.wire.replies import (
    AssistantMessage,
    ChatChoice,
    ChatChunk,
    ChatChunkChoice,
    ChatCompletion,
    ChatLogprobs,
    Delta,
    FunctionCalled,
    ToolCalled,
    WireUsage,
)


class ChatVoice:
    """Tells what the assistant says, and which tools it asks to call."""

    def __init__(self, asked: Asked, dialect: Dialect, prefix: str = "chatcmpl") -> None:
        self._asked, self._dialect = asked, dialect
        self._head: dict[str, Any] = Head(prefix, asked).fields()
        self._calls: dict[int, int] = {}
        self._last: ChatChunk | None = None

    def opening(self, index: int) -> Iterator[str]:
        """Yield the piece that names the speaker."""
        choice = ChatChunkChoice(index=index, delta=Delta(role="assistant", content=""))
        yield from self._sent(ChatChunk(**self._head, choices=[choice]))

    def part(self, index: int, said: Said) -> Iterator[str]:
        """Yield what is said and called; what adds nothing is left out."""
        has_logprobs = self._asked.wants_logprobs and bool(said.tokens)
        if not said.text and said.call is None and said.finish is None and not has_logprobs and self._asked.calling:
            return
        choice = ChatChunkChoice(
            index=index,
            delta=Delta(content=None if said.call else said.text, tool_calls=self._called(index, said.call)),
            logprobs=self._logprobs(said.tokens),
            finish_reason=self._reason(said.finish),
        )
        chunk = ChatChunk(**self._head, choices=[choice])
        if said.finish is None or not self._dialect.usage_in_last_piece:
            yield from self._sent(chunk)
        else:
            yield from self._held_back(chunk)

    def closing(self, usage: WireUsage) -> Iterator[str]:
        """Yield the usage, in the last piece or in one of its own, and the end."""
        if self._last is not None:
            yield event(self._last.model_copy(update={"usage": usage}), includes_usage=True)
        elif self._asked.includes_usage:
            yield event(ChatChunk(**self._head, choices=[], usage=usage), includes_usage=True)
        yield DONE

    def failed(self, refusal: Refusal) -> Iterator[str]:
        """Yield the error."""
        yield error_event(refusal, self._dialect)

    def whole(self, answers: Sequence[Answer], usage: WireUsage) -> str:
        """Return the whole answer."""
        choices = [
            ChatChoice(
                index=one.index,
                message=_message(one),
                logprobs=self._logprobs(one.tokens),
                finish_reason=self._dialect.finish_reasons[one.finish],
            )
            for one in answers
        ]
        return ChatCompletion(**self._head, choices=choices, usage=usage).model_dump_json()

    def _sent(self, chunk: ChatChunk) -> Iterator[str]:
        # A null for the usage is what OpenAI's clients expect of every other piece, and Mistral's do not.
        yield event(chunk, self._asked.includes_usage and not self._dialect.usage_in_last_piece)

    def _held_back(self, chunk: ChatChunk) -> Iterator[str]:
        """Keep the piece that ends an answer: the very last one carries the usage, known once all are done."""
        if self._last is not None:
            yield from self._sent(self._last)
        self._last = chunk

    def _called(self, index: int, call: Call | None) -> list[ToolCalled] | None:
        if call is None:
            return None
        number = self._calls.get(index, 0)
        self._calls[index] = number + 1
        return [_wire_call(call, number)]

    def _reason(self, finish: Finish | None) -> str | None:
        return None if finish is None else self._dialect.finish_reasons[finish]

    def _logprobs(self, tokens: Sequence[Token]) -> ChatLogprobs | None:
        return chat_logprobs(tokens, self._asked.model.engine.codec) if self._asked.wants_logprobs else None


def _message(answer: Answer) -> AssistantMessage:
    calls = [_wire_call(call) for call in answer.calls] or None
    return AssistantMessage(content=answer.text or (None if calls else ""), tool_calls=calls)


def _wire_call(call: Call, index: int | None = None) -> ToolCalled:
    return ToolCalled(index=index, id=call.id, function=FunctionCalled(name=call.name, arguments=call.arguments))
