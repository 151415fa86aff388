"""The child process that one engine of a served model lives in; the other end is `supervised`.

It reads orders from a socket, one JSON line each, and answers with lines that name the order they belong to. An engine
that steps all answers together is stepped by the one thread there is, which looks for orders between two steps and
tells what a step made in one line: each line wakes the parent, and while the processor computes, that costs more than
the line itself. For any other engine every answer is made in a thread of its own, so that cancelling one, or asking how
busy the engine is, never waits. The child ends with its parent, however that ended: by the kernel's signal, or because
the socket says nobody is there.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ingot.core.confinement import die_with_parent
from ingot.core.errors import IngotError
from ingot.infer.engine import AdaptingEngine, Engine, Heard, SteppedEngine, build
from ingot.infer.grammar import Grammar
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token

_READ_BYTES = 1 << 16


def main(descriptor: int, parent: int, name: str, model_folder: str, threads: int, draft: str | None) -> None:
    """Open the engine and answer until the parent is gone. Never returns."""
    # Ctrl-C and a service being stopped reach the whole group; the parent decides what is still to be finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_parent(parent)
    connection = socket.socket(fileno=descriptor)
    said = _Voice(connection)
    try:
        engine = build(name, Path(model_folder), threads, None if draft is None else Path(draft))
    except Exception as error:  # whatever it is, the parent tells it
        said.line(["failed", described(error)])
        os._exit(1)
    said.line(["ready", engine.context, engine.most_top_logprobs, sorted(engine.controls)])
    if isinstance(engine, SteppedEngine):
        _Stepping(engine, said).follow(connection)
    else:
        answering = _Answering(engine, said)
        for order in _lines(connection):
            answering.follow(order)
    os._exit(0)  # threads may still be deep inside the engine


def _lines(connection: socket.socket) -> Iterator[Any]:
    cutter = Cutter()
    while chunk := _received(connection):
        yield from cutter.lines(chunk)


class Cutter:
    """Cuts what arrives into lines of JSON."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def lines(self, chunk: bytes) -> Iterator[Any]:
        """Return the lines that are whole now."""
        self._rest += chunk
        *whole, rest = self._rest.split(b"\n")
        self._rest = rest
        return map(json.loads, whole)


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(_READ_BYTES)
    except ConnectionError:
        return b""


def described(error: Exception) -> dict[str, str]:
    """Return any error as the fields of an IngotError."""
    if isinstance(error, IngotError):
        return error.as_fields()
    return IngotError(f"the engine failed: {type(error).__name__}: {error}").as_fields()


def as_order(params: SamplingParams) -> dict[str, Any]:
    """Return sampling settings as JSON values."""
    # Not `asdict` for all of it: that looks into every value, which takes longer than to send it.
    return {**vars(params), "grammar": None if params.grammar is None else asdict(params.grammar)}


def _read_params(fields: Mapping[str, Any]) -> SamplingParams:
    grammar = fields["grammar"]
    return SamplingParams(
        **{
            **fields,
            "stop": tuple(fields["stop"]),
            "grammar": Grammar(**grammar) if grammar else None,
            "logit_bias": tuple((int(token), float(bias)) for token, bias in fields["logit_bias"]),
        }
    )


class _Voice:
    """The child's end of the socket: whole lines, from any thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._turn = threading.Lock()

    def line(self, value: Any) -> None:
        data = json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"
        try:
            with self._turn:
                self._connection.sendall(data)
        except OSError:  # nobody listens any more
            os._exit(0)


class _Stepping:
    """Follows orders between the steps of an engine, see `_Answering`."""

    def __init__(self, engine: Engine, said: _Voice) -> None:
        assert isinstance(engine, SteppedEngine), "the engine that is stepped is one that can be"
        self._engine, self._stepped, self._said = engine, engine, said
        self._numbers: dict[int, int] = {}  # the parent's, by the engine's own

    def follow(self, connection: socket.socket) -> None:
        """Answer until the parent is gone."""
        cutter = Cutter()
        arriving = selectors.DefaultSelector()
        arriving.register(connection, selectors.EVENT_READ)
        while True:
            if arriving.select(0 if self._numbers else None):
                chunk = _received(connection)
                if not chunk:
                    return
                for order in cutter.lines(chunk):
                    self._follow(*order)
            if self._numbers:
                self._tell(self._stepped.step())

    def _follow(self, kind: str, number: int, *details: Any) -> None:
        if kind == "cancel":
            for own in [own for own, asked in self._numbers.items() if asked == number]:
                self._stepped.drop(own)
                del self._numbers[own]
            return
        try:
            if kind == "generate":
                prompt, fields = details
                self._numbers[self._stepped.begin(prompt, _read_params(fields))] = number
            else:
                self._said.line(["value", number, valued(self._engine, kind, *details)])
        except Exception as error:  # it belongs to this request; the parent raises it there
            self._said.line(["error", number, described(error)])

    def _tell(self, heard: list[tuple[int, Heard]]) -> None:
        told: list[Any] = []
        for own, what in heard:
            number = self._numbers[own]
            if what is None:
                told.append([number, None])
            elif isinstance(what, IngotError):
                self._said.line(["error", number, described(what)])
            else:
                told.append([number, [as_fields(token) for token in what]])
            if what is None or isinstance(what, IngotError):
                del self._numbers[own]
        if told:
            self._said.line(["told", told])


class _Answering:
    """Follows orders: ["generate", number, prompt, params], ["cancel", number] and questions with one value back."""

    def __init__(self, engine: Engine, said: _Voice) -> None:
        self._engine, self._said = engine, said
        self._cancelled: dict[int, threading.Event] = {}

    def follow(self, order: list[Any]) -> None:
        kind, number, *details = order
        if kind == "cancel":
            if event := self._cancelled.get(number):
                event.set()
        elif kind == "generate":
            self._cancelled[number] = threading.Event()
            threading.Thread(target=self._generate, args=(number, *details), daemon=True).start()
        elif kind == "stats":
            self._value(kind, number)
        else:
            threading.Thread(target=self._value, args=(kind, number, *details), daemon=True).start()

    def _generate(self, number: int, prompt: list[int], fields: Mapping[str, Any]) -> None:
        cancelled = self._cancelled[number]
        try:
            last: list[Any] = []
            for one in self._engine.generate(prompt, _read_params(fields), cancelled.is_set):
                if one.finish is None:
                    self._said.line(["told", [[number, [as_fields(one)]]]])
                else:
                    last = [[number, [as_fields(one)]]]
            self._said.line(["told", [*last, [number, None]]])
        except Exception as error:  # it belongs to this request; the parent raises it there
            self._said.line(["error", number, described(error)])
        finally:
            del self._cancelled[number]

    def _value(self, kind: str, number: int, *asked: Any) -> None:
        try:
            self._said.line(["value", number, valued(self._engine, kind, *asked)])
        except Exception as error:  # as above
            self._said.line(["error", number, described(error)])


def valued(engine: Engine, kind: str, *asked: Any) -> Any:
    """Return the answer to a question that has one value."""
    if kind == "stats":
        return asdict(engine.stats())
    if kind in ("load_adapter", "drop_adapter"):
        return _adapted(engine, kind, Path(*asked))
    return engine.tokenize(*asked) if kind == "tokenize" else engine.embed(*asked).tolist()


def _adapted(engine: Engine, kind: str, folder: Path) -> None:
    assert isinstance(engine, AdaptingEngine), "the parent asks an engine that says it can"
    if kind == "load_adapter":
        engine.load_adapter(folder)
    else:
        engine.drop_adapter(folder)


def as_fields(token: Token) -> list[Any]:
    """Return a token as JSON values."""
    return [token.id, token.text, token.logprob, token.top, token.finish, token.cached]


def read_token(fields: list[Any]) -> Token:
    """Return the token in JSON values."""
    token, text, logprob, top, finish, cached = fields
    return Token(token, text, logprob, tuple((int(i), float(p)) for i, p in top), finish, cached)
