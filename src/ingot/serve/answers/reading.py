"""From the tokens of one answer to what it says: words, and calls of tools.

A call stands between two control tokens, which have no text, so a reader sees its borders in the ids. What stands
between them counts as a call only when it is one: the name of an offered tool, and arguments that follow its schema.
Anything else stays what it is, words.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ingot.infer.text import Token, first_stop, held_back
from ingot.serve.answers.checking import flaw, read_json
from ingot.serve.asks.asked import Asked, Calling, Question
from ingot.serve.dialect import Finish
from ingot.serve.refusal import Refusal
from ingot.tokenizer.chat import CALL, CALL_END, stop_ids


@dataclass(frozen=True)
class Call:
    """A call of a tool; `arguments` is JSON text. Mistral's API allows an id nine letters and digits, no others."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Said:
    """What a token added to an answer: perhaps words, perhaps a whole call, perhaps its end."""

    text: str = ""
    tokens: tuple[Token, ...] = ()
    call: Call | None = None
    finish: Finish | None = None


Part = tuple[int, Said]  # what one of several answers said: the number of the answer, and what was added to it


class Reader(Protocol):
    """Reads one answer, token by token."""

    def read(self, token: Token) -> Iterator[Said]:
        """Yield what the token adds; the last thing an answer says has its `finish`."""


def reader(asked: Asked, question: Question) -> Reader:
    """Return what reads the answer of a question."""
    ends = _Ends(asked, question)
    if asked.calling is None:
        return _Words(ends, asked)
    return _ForcedCall(ends, asked) if asked.calling.how == "forced" else _WordsAndCalls(ends, asked)


@dataclass
class _Ends:
    """Why an answer ended: an engine does not tell whether `max_tokens` or its context came first."""

    asked: Asked
    question: Question
    written: int = 0

    def of(self, token: Token) -> Finish | None:
        self.written += 1
        is_full = len(self.question.prompt) + self.written >= self.asked.model.engine.context
        return "context" if token.finish == "length" and is_full else token.finish


class _Words:
    """An answer of words, or of JSON that is checked when it is whole."""

    def __init__(self, ends: _Ends, asked: Asked) -> None:
        self._ends, self._schema = ends, asked.schema
        self._parts: list[str] = []

    def read(self, token: Token) -> Iterator[Said]:
        finish = self._ends.of(token)
        if self._schema is not None:
            self._parts.append(token.text)
            if finish == "stop":
                self._check("".join(self._parts))
        yield Said(token.text, (token,), None, finish)

    def _check(self, text: str) -> None:
        assert self._schema is not None, "only what has a schema is checked"
        try:
            found = flaw(read_json(text), self._schema)
        except ValueError as error:
            found = str(error)
        if found is not None:
            raise _not_as_asked(found)


class _ForcedCall:
    """An answer that is one call: the grammar holds the engine to it."""

    def __init__(self, ends: _Ends, asked: Asked) -> None:
        assert asked.calling is not None, "a call is forced where tools are"
        self._ends, self._calling = ends, asked.calling
        self._tokens: list[Token] = []

    def read(self, token: Token) -> Iterator[Said]:
        self._tokens.append(token)
        finish = self._ends.of(token)
        if finish is None:
            return
        if finish != "stop":  # half a call is none
            yield Said("", tuple(self._tokens), None, finish)
            return
        call = call_of("".join(one.text for one in self._tokens), self._calling)
        if call is None:
            raise _not_as_asked("the engine wrote no call of one of the tools")
        yield Said("", tuple(self._tokens), call)
        yield Said(finish="tool_calls")


class _WordsAndCalls:
    """An answer that may call tools, and need not. A stop string counts in its words alone."""

    def __init__(self, ends: _Ends, asked: Asked) -> None:
        assert asked.calling is not None, "calls are read where tools are"
        codec = asked.model.engine.codec
        self._codec, self._calling = codec, asked.calling
        self._ends, self._stop = ends, asked.stop
        self._begin, self._end, self._end_ids = codec.special(CALL), codec.special(CALL_END), stop_ids(codec)
        self._inside: list[Token] | None = None
        self._decoder = codec.decoder()
        self._waiting = ""
        self._waiting_tokens: list[Token] = []
        self._calls = 0
        self._is_over = False

    def read(self, token: Token) -> Iterator[Said]:
        if self._is_over:
            return
        finish = self._ends.of(token)
        if self._inside is not None:
            yield from self._in_call(token, finish is not None)
        elif token.id == self._begin:
            yield from self._release(self._decoder.flush(), is_last=True)
            self._inside = [token]
        elif token.id not in self._end_ids:
            self._waiting_tokens.append(token)
            yield from self._release(self._decoder.push(token.id), is_last=False)
        if finish is not None and not self._is_over:
            yield from self._over(finish)

    def _in_call(self, token: Token, is_last: bool) -> Iterator[Said]:
        assert self._inside is not None, "a call has begun"
        if token.id not in self._end_ids:
            self._inside.append(token)
        if token.id != self._end and not is_last:
            return
        tokens, self._inside = self._inside, None
        text = self._codec.decode(one.id for one in tokens)
        call = call_of(text, self._calling) if token.id == self._end else None
        if call is None:
            yield Said(text, tuple(tokens))
        elif self._calls == 0 or self._calling.is_parallel:
            self._calls += 1
            yield Said("", tuple(tokens), call)

    def _release(self, text: str, is_last: bool) -> Iterator[Said]:
        self._waiting += text
        end = first_stop(self._waiting, self._stop)
        if end is not None:
            self._is_over = True
            yield Said(self._waiting[:end], tuple(self._waiting_tokens), None, "tool_calls" if self._calls else "stop")
            return
        held = 0 if is_last else held_back(self._waiting, self._stop)
        ready = self._waiting[: len(self._waiting) - held]
        if ready or is_last:
            self._waiting = self._waiting[len(ready) :]
            tokens, self._waiting_tokens = self._waiting_tokens, []
            if ready or tokens:
                yield Said(ready, tuple(tokens))

    def _over(self, finish: Finish) -> Iterator[Said]:
        yield from self._release(self._decoder.flush(), is_last=True)
        if not self._is_over:
            yield Said(finish="tool_calls" if self._calls and finish == "stop" else finish)


def call_of(text: str, calling: Calling) -> Call | None:
    """Return the call that a text is, or None when it is none that could be made."""
    try:
        made = read_json(text)
        name, arguments = made["name"], made["arguments"]
        schema = calling.parameters[name]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(arguments, dict) or set(made) != {"name", "arguments"} or flaw(arguments, schema) is not None:
        return None
    return Call(secrets.token_hex(5)[:9], name, json.dumps(arguments, ensure_ascii=False))


def _not_as_asked(found: str) -> Refusal:
    return Refusal(500, f"the answer does not follow its schema, so it is not given ({found})", code="invalid_output")
