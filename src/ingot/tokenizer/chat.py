"""The chat template, and which tokens of a conversation a model is trained on: this file is the only place that knows.

A conversation is `<|bos|>` and then turns `<|im_start|>role\ncontent<|im_end|>\n` (ChatML). `render` builds the ids
turn by turn, so training and serving get the same ones, and a literal `<|im_end|>` in what somebody wrote stays text.
`trained_mask` finds the same spans in ids that are there already, wherever a row of them was cut.
`TEMPLATE` says the same in Jinja for readers that render a string (transformers, vLLM, llama.cpp); a test holds the
two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from ingot.core.errors import InputError, suggest
from ingot.tokenizer.codec import Codec

ROLES = ("system", "user", "assistant")

TEMPLATE = """\
{{- bos_token -}}
{%- for message in messages -%}
{%- if message['role'] not in ['system', 'user', 'assistant'] -%}
{{- raise_exception('unknown role: ' + message['role']) -}}
{%- endif -%}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""

Message = Mapping[str, str]
Ids = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Rendered:
    """The ids of a conversation; `trained` marks those a model learns to produce."""

    ids: list[int]
    trained: list[bool]


def render(messages: Sequence[Message], codec: Codec, add_generation_prompt: bool = False) -> Rendered:
    """Return the ids of a conversation and its loss mask.

    Trained is what the assistant says and the token that ends its turn; nothing else. With `add_generation_prompt`
    the ids end where the assistant begins to speak, and are a prefix of those of the same conversation with its
    answer.
    """
    if not messages:
        raise InputError("the conversation is empty", where="messages", fix="send at least one message")
    ids, trained = [codec.bos], [False]
    for position, message in enumerate(messages):
        for some, is_trained in _turn(_checked(message, position), codec):
            ids += some
            trained += [is_trained] * len(some)
    if add_generation_prompt:
        opening = [codec.start_of_turn, *codec.encode("assistant\n")]
        ids += opening
        trained += [False] * len(opening)
    return Rendered(ids, trained)


def trained_mask(ids: Ids, codec: Codec) -> npt.NDArray[np.bool_]:
    """Mark in a row of ids those that `render` marks as trained.

    Control tokens never stand for text, so turns can be found in the ids alone. Before the first turn that begins
    within the row nobody knows who speaks: nothing is marked there.
    """
    is_trained = np.zeros(len(ids), dtype=np.bool_)
    opening = np.array(codec.encode("assistant\n"), dtype=np.int64)
    marks = np.flatnonzero((ids == codec.start_of_turn) | (ids == codec.end_of_turn) | (ids == codec.bos))
    for place, begin in enumerate(marks.tolist()):
        said = begin + 1 + len(opening)
        if ids[begin] != codec.start_of_turn or not np.array_equal(ids[begin + 1 : said], opening):
            continue
        follows = int(marks[place + 1]) if place + 1 < len(marks) else len(ids)
        is_closed = follows < len(ids) and ids[follows] == codec.end_of_turn
        is_trained[said : follows + is_closed] = True
    return is_trained


def with_marks(rendered: Rendered, codec: Codec) -> str:
    """Return a conversation for a person to read: control tokens by name, what is trained between ⟦ and ⟧."""
    names = {codec.bos: "<|bos|>", codec.start_of_turn: "<|im_start|>", codec.end_of_turn: "<|im_end|>"}
    shown = []
    for is_trained, some in groupby(zip(rendered.trained, rendered.ids, strict=True), key=lambda pair: pair[0]):
        text = _spelled([token for _, token in some], names, codec)
        shown.append(f"⟦{text}⟧" if is_trained else text)
    return "".join(shown)


def _spelled(ids: Sequence[int], names: Mapping[int, str], codec: Codec) -> str:
    runs = groupby(ids, key=lambda token: names.get(token, ""))
    return "".join(name * len(list(run)) if name else codec.decode(run) for name, run in runs)


def stop_ids(codec: Codec) -> frozenset[int]:
    """Return the ids after which nothing more is generated: the end of a turn, and the end of a document."""
    return frozenset((codec.end_of_turn, codec.eos))


def _turn(message: Message, codec: Codec) -> Iterator[tuple[list[int], bool]]:
    role, content = message["role"], message["content"]
    yield [codec.start_of_turn], False
    if role == "assistant":
        # Its words are encoded apart from the header, because it writes them after a header that already stands there.
        yield codec.encode("assistant\n"), False
        yield [*codec.encode(content), codec.end_of_turn], True
    else:
        # One text, as readers of the template encode it: a blank line that opens the content joins the header's.
        yield [*codec.encode(f"{role}\n{content}"), codec.end_of_turn], False
    yield codec.encode("\n"), False


def _checked(message: Message, position: int) -> Message:
    role = message.get("role")
    if role not in ROLES:
        raise InputError(
            f"message {position} has the role {role!r}",
            where=f"messages[{position}].role",
            fix=suggest(str(role), ROLES),
        )
    if not isinstance(message.get("content"), str):
        raise InputError(
            f"message {position} has no text",
            where=f"messages[{position}].content",
            why="this model reads text only",
            fix="send the content as one string",
        )
    return message
