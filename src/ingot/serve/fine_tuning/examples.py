"""Training files: one conversation a line, as OpenAI documents it for chat models, read with care before work starts.

    {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}], "tools": [...]}

A message reads as in a request of `/v1/chat/completions`, so that a model learns exactly what it will be served. The
first line that does not fit ends the reading, and is told with its number, the field and what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from ingot.serve.asks.chat import check_messages
from ingot.serve.asks.prompts import in_order_of_calls, turn
from ingot.serve.misread import misread
from ingot.serve.refusal import Refusal
from ingot.serve.speaking import json_of
from ingot.serve.wire.chat import MOST_MESSAGES, MOST_TOOLS, Message, Tool
from ingot.serve.wire.fields import Asked

FEWEST_EXAMPLES, MOST_EXAMPLES = 10, 1_000_000
MOST_LINE_BYTES = 8 << 20
_CODES = {"training_file": "invalid_training_file", "validation_file": "invalid_validation_file"}


class ExampleMessage(Message):
    """One message; of the assistant's, `weight` says whether it is learned."""

    weight: Literal[0, 1] | None = None
    name: str | None = None


class Example(Asked):
    """One conversation and the tools that the assistant may call in it."""

    messages: Annotated[list[ExampleMessage], Field(min_length=1, max_length=MOST_MESSAGES)]
    tools: list[Tool] | None = Field(None, max_length=MOST_TOOLS)
    parallel_tool_calls: bool | None = None


def examples(path: Path, param: str, fewest: int = 1) -> Iterator[dict[str, Any]]:
    """Yield the conversations of a file as the template reads them. Raises Refusal naming the first that is none.

    At least `fewest` are read before the first is given.
    """
    read = _read(path, param)
    first = list(islice(read, fewest))
    if len(first) < fewest:
        message = f"{param} has {len(first)} example(s), but must have at least {fewest}: add more"
        raise Refusal(400, message, param=param, code="invalid_n_examples")
    return chain(first, read)


def _read(path: Path, param: str) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MOST_LINE_BYTES + 1):
            number += 1
            if len(line) > MOST_LINE_BYTES:
                raise _wrong(param, number, f"it is longer than {MOST_LINE_BYTES} bytes: split the conversation")
            if number > MOST_EXAMPLES:
                raise _wrong(param, number, f"a file may have {MOST_EXAMPLES} lines: send fewer")
            if line.strip():
                yield _example(line, param, number)


def _example(line: bytes, param: str, number: int) -> dict[str, Any]:
    try:
        example = Example.model_validate(json_of(line))
        check_messages(example.messages)
    except UnicodeDecodeError as error:
        raise _wrong(param, number, f"byte {error.start} is not UTF-8") from None
    except ValidationError as error:
        raise _wrong(param, number, misread(error.errors(include_url=False)).message) from None
    except ValueError as error:
        raise _wrong(param, number, f"it is not JSON ({error}): write one conversation a line") from None
    except Refusal as refusal:
        raise _wrong(param, number, refusal.message) from None
    _check_learned(example, param, number)
    tools = [one.function.model_dump(exclude_none=True, exclude={"strict"}) for one in example.tools or ()]
    turns = [turn(message) for message in in_order_of_calls(example.messages)]
    return {"messages": turns, **({"tools": tools} if tools else {})}


def _check_learned(example: Example, param: str, number: int) -> None:
    for place, message in enumerate(example.messages):
        if message.weight == 0 and message.role == "assistant":
            why = "must be 1 (all that the assistant says is learned here): leave the message out, or its weight"
            raise _wrong(param, number, f"messages[{place}].weight {why}")
        for call_place, call in enumerate(message.tool_calls or ()):
            _check_arguments(call.function.arguments, f"messages[{place}].tool_calls[{call_place}]", param, number)
    if example.messages[-1].role != "assistant":
        last = len(example.messages) - 1
        raise _wrong(param, number, f"messages[{last}].role must be assistant: the last message is what is learned")


def _check_arguments(arguments: str | dict[str, Any], place: str, param: str, number: int) -> None:
    try:
        is_object = isinstance(json_of(arguments.encode()) if isinstance(arguments, str) else arguments, dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise _wrong(param, number, f"{place}.function.arguments must be one JSON object")


def _wrong(param: str, number: int, why: str) -> Refusal:
    return Refusal(400, f"{param}, line {number}: {why}", param=param, code=_CODES[param])
