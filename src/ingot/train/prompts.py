"""The prompts in a batch: conversations up to where the assistant is to speak, and what it is expected to say.

Rows come from `ingot.data.prompts:tokenize`, whose documents end with the assistant's expected turn. That turn is cut
off here: the model never reads it, it is what a reward compares with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ingot.core.errors import InputError
from ingot.data.whole_rows import refuse_parts
from ingot.tokenizer.codec import Codec
from ingot.train.objective import TensorBatch


@dataclass(frozen=True)
class Prompt:
    """The ids a model goes on from, and the text it is expected to go on with."""

    ids: tuple[int, ...]
    expected: str


def prompts_in(batch: TensorBatch, codec: Codec) -> list[Prompt]:
    """Return the prompts of a batch, in order. Raises InputError when its rows do not hold whole ones."""
    refuse_parts(batch.tokens_BT[:, 0], codec.bos)
    tokens, segments = batch.tokens_BT.cpu().numpy(), batch.segments_BT.cpu().numpy()
    found = []
    for row, of in zip(tokens, segments, strict=True):
        begins = np.flatnonzero(np.diff(of, prepend=of[0] - 1))
        found += [prompt_of(ids.tolist(), codec) for ids in np.split(row, begins[1:])]
    return found


def prompt_of(ids: list[int], codec: Codec) -> Prompt:
    """Return the prompt of a document with its marks. Raises InputError where the assistant is expected nowhere."""
    turn = split_turn(ids, codec)
    if turn is not None and codec.eos in ids[len(turn[0]) :]:
        return Prompt(tuple(turn[0]), codec.decode(turn[1][:-1]))
    raise InputError(
        "the rows of this training do not hold whole prompts with an expected answer",
        where="training, inputs of kind Shards",
        why="the objective asks the model itself for answers, and compares them",
        fix="make the shards with the step ingot.data.prompts:tokenize, and read them in their `row_tokens`",
    )


def split_turn(ids: list[int], codec: Codec) -> tuple[list[int], list[int]] | None:
    """Return a conversation up to where the assistant last begins to speak, and what it says with the mark of its end.

    None where it does not speak to an end.
    """
    opening = [codec.start_of_turn, *codec.encode_frame("assistant\n")]
    for begin in _last_first(ids, codec.start_of_turn):
        said = begin + len(opening)
        if ids[begin:said] == opening and codec.end_of_turn in ids[said:]:
            return ids[:said], ids[said : ids.index(codec.end_of_turn, said) + 1]
    return None


def _last_first(ids: list[int], mark: int) -> Iterator[int]:
    return (place for place in range(len(ids) - 1, -1, -1) if ids[place] == mark)
