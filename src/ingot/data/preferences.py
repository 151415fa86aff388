"""The step that makes shards of preferences: two answers to the same conversation, the better one first.

Sources are JSON Lines (data/preference_lines.py says in which forms). Both conversations are framed by
`tokenizer/chat`, as the model will read them when it is served, and become two documents of the shards, one after the
other in the same row. A line that is no preference is left out, with its place and reason in `failures.jsonl`, or ends
the step (`bad_rows: refuse`). Nothing is cut: of an answer without its end nobody knows whether it was the better one.
What is learned is shown in `masked.txt`; where lines have scores, their differences are kept (data/score_differences).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.data.preference_lines import CHOSEN, REJECTED, read_preference
from ingot.data.score_differences import pair_key, write_differences
from ingot.data.whole_examples import RowsConfig, Words, write_examples
from ingot.data.whole_rows import Example, Piece
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.tokenizer.chat import Rendered, answer_masks, render, with_marks
from ingot.tokenizer.codec import Codec

SHOWN = 5
_WORDS = Words(
    "preference",
    "to learn from",
    'write one preference a line: {"prompt": "...", "chosen": "...", "rejected": "..."}',
)


@dataclass(frozen=True)
class Config(RowsConfig):
    """As of all shards of examples; both conversations of a preference must fit a row."""


@dataclass
class _Seen:
    """What was met on the way through the lines."""

    shown: list[str] = field(default_factory=list)
    differences: dict[bytes, float] = field(default_factory=dict)
    places: dict[bytes, str] = field(default_factory=dict)
    tokens: int = 0
    trained: int = 0


def tokenize(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write the preferences of the sources as shards of the `tokenizer`.

    Raises InputError when there is none to learn from, or for the first bad line where those are to be refused.
    """
    seen = _Seen()

    def frame(where: str, line: bytes, codec: Codec) -> tuple[Example, bytes]:
        return _example(where, line, codec, config, seen)

    facts = write_examples(frame, config, inputs["tokenizer"], context.sources, context, _WORDS)
    write_atomically(context.folder / "masked.txt", "\n\n".join(seen.shown) + "\n")
    write_differences(seen.differences, context.folder)
    found = {"answer_tokens": seen.trained, "conversation_tokens": seen.tokens, "scored": len(seen.differences)}
    return {**facts, **found}


def _example(where: str, line: bytes, codec: Codec, config: Config, seen: _Seen) -> tuple[Example, bytes]:
    """Return both conversations of a line, and what both answer to: all answers to it are on one side."""
    preference = read_preference(line)
    both = [render(each, codec, tools=preference.tools).ids for each in (preference.chosen, preference.rejected)]
    tokens = sum(map(len, both)) + len(both)
    if tokens > config.row_tokens:
        raise InputError(
            f"the two conversations have {tokens:,} tokens together, and a row holds {config.row_tokens:,}"
        )
    masks = answer_masks(np.array(both[0]), np.array(both[1]), codec)
    if not all(mask.any() for mask in masks):
        raise InputError("the assistant says nothing in which the two conversations differ")
    seen.tokens, seen.trained = seen.tokens + tokens, seen.trained + sum(int(mask.sum()) for mask in masks)
    if len(seen.shown) < SHOWN:
        told = [with_marks(Rendered(ids, mask.tolist()), codec) for ids, mask in zip(both, masks, strict=True)]
        seen.shown.append(f"{where}\n{CHOSEN}: {told[0]}\n{REJECTED}: {told[1]}")
    framed = [[*ids, codec.eos] for ids in both]
    _note_pair(where, framed, preference.difference, seen)
    example = [
        Piece(f"{where}#{name}", len(line) // 2, ids) for name, ids in zip((CHOSEN, REJECTED), framed, strict=True)
    ]
    answer = int(masks[0].argmax())
    return example, np.array(both[0][:answer], dtype=np.int64).tobytes()


def _note_pair(where: str, framed: Sequence[Sequence[int]], difference: float | None, seen: _Seen) -> None:
    """Remember a pair and its scores. Raises InputError when an earlier line prefers the other of the same answers."""
    key, opposite = pair_key(*framed), pair_key(*reversed(framed))
    if opposite in seen.places:
        raise InputError(
            f"{seen.places[opposite]} prefers the other of the same two answers: are columns swapped in one of them?"
        )
    seen.places.setdefault(key, where)
    if difference is not None:
        seen.differences[key] = difference
