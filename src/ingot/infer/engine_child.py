"""The child process that one engine of a served model lives in; the other end is `supervised`.

It reads orders from a socket, one JSON line each, and answers with lines that name the order they belong to. Every
answer is made in a thread of its own, so that cancelling one, or asking how busy the engine is, never waits. The child
ends with its parent, however that ended: by the kernel's signal, or because the socket says nobody is there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ingot.core.confinement import die_with_parent
from ingot.core.errors import IngotError
from ingot.infer.engine import Engine, build
from ingot.infer.grammar import Grammar
from ingot.infer.sampling import SamplingParams

_READ_BYTES = 1 << 16


def main(descriptor: int, parent: int, name: str, model_folder: str, threads: int) -> None:
    """Open the engine and answer until the parent is gone. Never returns."""
    # Ctrl-C and a service being stopped reach the whole group; the parent decides what is still to be finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_parent(parent)
    connection = socket.socket(fileno=descriptor)
    said = _Voice(connection)
    try:
        engine = build(name, Path(model_folder), threads)
    except Exception as error:  # whatever it is, the parent tells it
        said.line(["failed", described(error)])
        os._exit(1)
    said.line(["ready", engine.context, engine.most_top_logprobs, sorted(engine.controls)])
    answering = _Answering(engine, said)
    for order in lines(connection):
        answering.follow(order)
    os._exit(0)  # threads may still be deep inside the engine


def lines(connection: socket.socket) -> Iterator[Any]:
    """Yield what the other side says, until it is gone."""
    buffer = bytearray()
    while chunk := _received(connection):
        buffer += chunk
        *whole, rest = buffer.split(b"\n")
        buffer = rest
        yield from map(json.loads, whole)


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
    return asdict(params)


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
            self._said.line(["value", number, asdict(self._engine.stats())])
        else:
            threading.Thread(target=self._value, args=(kind, number, *details), daemon=True).start()

    def _generate(self, number: int, prompt: list[int], fields: Mapping[str, Any]) -> None:
        cancelled = self._cancelled[number]
        try:
            for one in self._engine.generate(prompt, _read_params(fields), cancelled.is_set):
                self._said.line(["token", number, one.id, one.text, one.logprob, one.top, one.finish])
            self._said.line(["end", number])
        except Exception as error:  # it belongs to this request; the parent raises it there
            self._said.line(["error", number, described(error)])
        finally:
            del self._cancelled[number]

    def _value(self, kind: str, number: int, asked: Any) -> None:
        try:
            value = self._engine.tokenize(asked) if kind == "tokenize" else self._engine.embed(asked).tolist()
            self._said.line(["value", number, value])
        except Exception as error:  # as above
            self._said.line(["error", number, described(error)])
