"""Answers of `/v1/completions`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ingot.infer.text import Token
from ingot.serve.answers.logprobs import completion_logprobs
from ingot.serve.answers.reading import Said
from ingot.serve.answers.voice import DONE, Answer, Head, error_event, event
from ingot.serve.asks.asked import Asked
from ingot.serve.dialect import Dialect, Finish
from ingot.serve.refusal import Refusal
from ingot.serve.wire.replies import Completion, CompletionChoice, WireUsage


class CompletionVoice:
    """Tells text that goes on."""

    def __init__(self, asked: Asked, dialect: Dialect) -> None:
        self._asked, self._dialect = asked, dialect
        self._head = Head("cmpl", asked).fields()
        self._characters: dict[int, int] = {}

    def opening(self, index: int) -> Iterator[str]:
        """Send nothing first."""
        yield from ()

    def part(self, index: int, said: Said) -> Iterator[str]:
        """Yield one piece of text."""
        offset = self._characters.get(index, 0)
        self._characters[index] = offset + len(said.text)
        choice = self._choice(index, said.text, said.tokens, said.finish, offset)
        yield event(Completion(**self._head, choices=[choice]), self._asked.includes_usage)

    def closing(self, usage: WireUsage) -> Iterator[str]:
        """Yield the usage where it was asked for, and the end."""
        if self._asked.includes_usage:
            yield event(Completion(**self._head, choices=[], usage=usage), includes_usage=True)
        yield DONE

    def failed(self, refusal: Refusal) -> Iterator[str]:
        """Yield the error."""
        yield error_event(refusal, self._dialect)

    def whole(self, answers: Sequence[Answer], usage: WireUsage) -> str:
        """Return the whole answer."""
        choices = [self._choice(one.index, one.text, one.tokens, one.finish, 0) for one in answers]
        return Completion(**self._head, choices=choices, usage=usage).model_dump_json()

    def _choice(
        self, index: int, text: str, tokens: Sequence[Token], finish: Finish | None, offset: int
    ) -> CompletionChoice:
        codec = self._asked.model.engine.codec
        logprobs = completion_logprobs(tokens, codec, offset) if self._asked.wants_logprobs else None
        reason = None if finish is None else self._dialect.finish_reasons[finish]
        return CompletionChoice(index=index, text=text, logprobs=logprobs, finish_reason=reason)
