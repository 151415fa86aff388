"""What people said in a request, wherever it stands in it, and the same request with other words.

Every body of a route that writes text keeps its words under one of a few names. Ids and names that label a request are
no words, nor is what only describes a tool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from ingot.tokenizer.codec import Codec

# From a text and its place in the body, such as `messages[0].content`, to the text that is read.
Change = Callable[[str, str], str]
Body = TypeVar("Body", bound=BaseModel)

_WORDS = frozenset({"content", "text", "prompt", "suffix", "input", "inputs", "instructions", "arguments", "output"})
_HOLDERS = frozenset({"messages", "tool_calls", "function"}) | _WORDS


def with_texts(body: Body, change: Change, codec: Codec) -> Body:
    """Return a request with every text of it changed; token ids are read as the text they stand for."""
    changed = {
        name: _changed(getattr(body, name), name, name, change, codec)
        for name in body.model_fields_set
        if name in _HOLDERS
    }
    return body.model_copy(update=changed)


def _changed(value: Any, name: str, place: str, change: Change, codec: Codec) -> Any:
    if isinstance(value, str):
        return change(value, place) if name in _WORDS else value
    if isinstance(value, BaseModel):
        held = {
            key: _changed(getattr(value, key), key, f"{place}.{key}", change, codec)
            for key in value.model_fields_set
            if key in _HOLDERS
        }
        return value.model_copy(update=held)
    if isinstance(value, dict):
        # The arguments of a call, or an item that is kept as it came.
        return {key: _in_dict(each, key, name, f"{place}.{key}", change, codec) for key, each in value.items()}
    if _is_prompt_of_ids(value):
        text = codec.decode(value)
        read = change(text, place)
        return value if read == text else read
    if isinstance(value, list):
        return [_changed(each, name, f"{place}[{number}]", change, codec) for number, each in enumerate(value)]
    return value


def _in_dict(value: Any, key: str, name: str, place: str, change: Change, codec: Codec) -> Any:
    if name == "arguments":
        return _changed(value, "arguments", place, change, codec)
    return _changed(value, key, place, change, codec) if key in _HOLDERS else value


def _is_prompt_of_ids(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and all(type(each) is int for each in value)
