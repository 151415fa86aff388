"""From tokens to the wire: a whole answer, or its pieces as server-sent events, in either dialect."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import BaseModel

from ingot.infer.text import Token
from ingot.serve.openai_api import (
    AssistantMessage,
    ChatChoice,
    ChatChunk,
    ChatChunkChoice,
    ChatCompletion,
    ChatLogprobs,
    Completion,
    CompletionChoice,
    CompletionLogprobs,
    Delta,
    FinishReason,
    TokenLogprob,
    TopLogprob,
    WireUsage,
)
from ingot.serve.request import Asked
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec

DONE = "data: [DONE]\n\n"


@dataclass(frozen=True)
class Said:
    """One finished answer."""

    index: int
    tokens: Sequence[Token]

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)

    @property
    def finish(self) -> FinishReason:
        finish = self.tokens[-1].finish
        assert finish is not None, "the last token of an answer says why it is the last"
        return finish


class Dialect(Protocol):
    """How answers look on the wire."""

    def opening(self, index: int) -> BaseModel | None:
        """Return what a stream sends before the first token of an answer, if anything."""

    def piece(self, index: int, token: Token, offset: int) -> BaseModel:
        """Return one streamed token; `offset` counts the characters sent before it."""

    def usage(self, usage: WireUsage) -> BaseModel:
        """Return the piece that ends a stream with its usage."""

    def whole(self, answers: Sequence[Said], usage: WireUsage) -> BaseModel:
        """Return the whole answer."""


@dataclass(frozen=True)
class _Head:
    """What every message of one reply repeats."""

    prefix: str
    asked: Asked
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    created: int = field(default_factory=lambda: int(time.time()))

    def fields(self) -> dict[str, object]:
        model = self.asked.model
        mode = "/continuation" if model.kind == "base" else ""
        return {
            "id": f"{self.prefix}-{self.id}",
            "created": self.created,
            "model": model.id,
            "system_fingerprint": f"{model.reference}/{model.engine.name}{mode}",
        }


class CompletionDialect:
    """Answers of `/v1/completions`."""

    def __init__(self, asked: Asked) -> None:
        self._head = _Head("cmpl", asked).fields()
        self._asked = asked

    def opening(self, index: int) -> None:
        """Send nothing first."""

    def piece(self, index: int, token: Token, offset: int) -> Completion:
        """Return one streamed token."""
        return self._with(self._choice(index, [token], token.text, token.finish, offset))

    def usage(self, usage: WireUsage) -> Completion:
        """Return the piece that ends a stream with its usage."""
        return Completion.model_validate({**self._head, "choices": [], "usage": usage})

    def whole(self, answers: Sequence[Said], usage: WireUsage) -> Completion:
        """Return the whole answer."""
        choices = [self._choice(said.index, said.tokens, said.text, said.finish, 0) for said in answers]
        return Completion.model_validate({**self._head, "choices": choices, "usage": usage})

    def _with(self, choice: CompletionChoice) -> Completion:
        return Completion.model_validate({**self._head, "choices": [choice]})

    def _choice(
        self, index: int, tokens: Sequence[Token], text: str, finish: FinishReason | None, offset: int
    ) -> CompletionChoice:
        logprobs = completion_logprobs(tokens, self._asked.model.engine.codec, offset)
        wanted = logprobs if self._asked.wants_logprobs else None
        return CompletionChoice(index=index, text=text, logprobs=wanted, finish_reason=finish)


class ChatDialect:
    """Answers of `/v1/chat/completions`."""

    def __init__(self, asked: Asked) -> None:
        self._head = _Head("chatcmpl", asked).fields()
        self._asked = asked

    def opening(self, index: int) -> ChatChunk:
        """Return the piece that names the speaker."""
        return self._chunk(ChatChunkChoice(index=index, delta=Delta(role="assistant", content="")))

    def piece(self, index: int, token: Token, offset: int) -> ChatChunk:
        """Return one streamed token."""
        return self._chunk(
            ChatChunkChoice(
                index=index,
                delta=Delta(content=token.text),
                logprobs=self._logprobs([token]),
                finish_reason=token.finish,
            )
        )

    def usage(self, usage: WireUsage) -> ChatChunk:
        """Return the piece that ends a stream with its usage."""
        return ChatChunk.model_validate({**self._head, "choices": [], "usage": usage})

    def whole(self, answers: Sequence[Said], usage: WireUsage) -> ChatCompletion:
        """Return the whole answer."""
        choices = [
            ChatChoice(
                index=said.index,
                message=AssistantMessage(content=said.text),
                logprobs=self._logprobs(said.tokens),
                finish_reason=said.finish,
            )
            for said in answers
        ]
        return ChatCompletion.model_validate({**self._head, "choices": choices, "usage": usage})

    def _chunk(self, choice: ChatChunkChoice) -> ChatChunk:
        return ChatChunk.model_validate({**self._head, "choices": [choice]})

    def _logprobs(self, tokens: Sequence[Token]) -> ChatLogprobs | None:
        if not self._asked.wants_logprobs:
            return None
        return chat_logprobs(tokens, self._asked.model.engine.codec)


def event(message: BaseModel, includes_usage: bool) -> str:
    """Return a message as one server-sent event.

    Only the last piece has usage; the others say so with a null, and only to a caller who asked for it.
    """
    is_piece = getattr(message, "usage", None) is None and not includes_usage
    return f"data: {message.model_dump_json(exclude={'usage'} if is_piece else None)}\n\n"


def completion_logprobs(tokens: Sequence[Token], codec: Codec, offset: int) -> CompletionLogprobs:
    """Return log-probabilities as `/v1/completions` tells them; the token that ended the text is not told."""
    told = _told(tokens, codec)
    offsets, place = [], offset
    for token in told:
        offsets.append(place)
        place += len(token.text)
    return CompletionLogprobs(
        tokens=[_text(token.id, codec) for token in told],
        token_logprobs=[token.logprob for token in told if token.logprob is not None],
        top_logprobs=[{_text(other, codec): value for other, value in reversed(token.top)} for token in told],
        text_offset=offsets,
    )


def chat_logprobs(tokens: Sequence[Token], codec: Codec) -> ChatLogprobs:
    """Return log-probabilities as `/v1/chat/completions` tells them."""
    return ChatLogprobs(
        content=[
            TokenLogprob(
                token=_text(token.id, codec),
                logprob=token.logprob or 0.0,
                bytes=list(codec.token_bytes(token.id)),
                top_logprobs=[_top(other, value, codec) for other, value in token.top],
            )
            for token in _told(tokens, codec)
        ]
    )


def _told(tokens: Sequence[Token], codec: Codec) -> list[Token]:
    return [token for token in tokens if token.id not in stop_ids(codec)]


def _top(token_id: int, logprob: float, codec: Codec) -> TopLogprob:
    return TopLogprob(token=_text(token_id, codec), logprob=logprob, bytes=list(codec.token_bytes(token_id)))


def _text(token_id: int, codec: Codec) -> str:
    return codec.token_bytes(token_id).decode("utf-8", errors="replace")
