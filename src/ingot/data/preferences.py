"""The step that makes shards of preferences: two answers to the same conversation, the better one first.

Sources are JSON Lines (data/preference_lines.py says in which forms). Both conversations are framed by
`tokenizer/chat`, as the model will read them when it is served, and become two documents of the shards, one after the
other in the same row. A line that is no preference is left out, with its place and reason in `failures.jsonl`, or ends
the step (`bad_rows: refuse`). Nothing is cut: of an answer without its end nobody knows whether it was the better one.
What is learned is shown in `masked.txt`; where lines have scores, their differences are kept (data/score_differences).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ingot.core.errors import InputError, UsageError
from ingot.core.storage import write_atomically
from ingot.data.example_lines import check_share, is_held_out, lines
from ingot.data.preference_lines import CHOSEN, REJECTED, read_preference
from ingot.data.score_differences import pair_key, write_differences
from ingot.data.whole_rows import Example, Piece, facts_of, report_failures, write_rows
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.tokenizer.chat import Rendered, answer_masks, render, with_marks
from ingot.tokenizer.codec import Codec

BadRows = Literal["leave_out", "refuse"]
SHOWN = 5
_FIX = 'write one preference a line: {"prompt": "...", "chosen": "...", "rejected": "..."}'


@dataclass(frozen=True)
class Config:
    """How many tokens a row has, which both answers must fit; the share kept aside; what to do with a bad line."""

    row_tokens: int = 1024
    held_out_share: float = 0.05
    bad_rows: BadRows = "leave_out"

    def __post_init__(self) -> None:
        check_share(self.held_out_share, "preferences")
        if self.row_tokens < 32:
            what = f"row_tokens is {self.row_tokens}"
            raise UsageError(what, where="preferences", fix="choose 1024, or more for long conversations")


@dataclass
class _Seen:
    """What was met on the way through the lines."""

    failures: list[dict[str, str]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    differences: dict[bytes, float] = field(default_factory=dict)
    places: dict[bytes, str] = field(default_factory=dict)
    tokens: int = 0
    trained: int = 0


def tokenize(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write the preferences of the sources as shards of the `tokenizer`.

    Raises InputError when there is none to learn from, or for the first bad line where those are to be refused.
    """
    folder = inputs["tokenizer"].path
    codec, seen = Codec.load(folder), _Seen()

    def examples() -> Iterator[tuple[str, Example]]:
        for where, line in lines(context.sources):
            try:
                example, prompt = _example(where, line, codec, config, seen)
            except (InputError, ValueError, TypeError, AttributeError, RecursionError) as error:
                reason = error.what if isinstance(error, InputError) else str(error)
                if config.bad_rows == "refuse":
                    raise _bad_row(where, reason) from error
                seen.failures.append({"where": where, "reason": reason})
                continue
            # By what both answer to, so that all answers to it are on one side.
            yield "held_out" if is_held_out(prompt, config.held_out_share) else "train", example

    counted = write_rows(examples, codec, folder, context.folder, config.row_tokens)
    write_atomically(context.folder / "masked.txt", "\n\n".join(seen.shown) + "\n")
    write_differences(seen.differences, context.folder)
    report_failures(seen.failures, context)
    if not counted["train"].examples:
        first = seen.failures[0] if seen.failures else None
        why = f"{first['where']}: {first['reason']}" if first else "the sources are empty"
        raise InputError("there is no preference to learn from", where=", ".join(context.sources), why=why, fix=_FIX)
    found = {
        "answer_tokens": seen.trained,
        "conversation_tokens": seen.tokens,
        "failures": len(seen.failures),
        "scored": len(seen.differences),
    }
    return {**facts_of(counted, config.row_tokens), **found}


def _example(where: str, line: bytes, codec: Codec, config: Config, seen: _Seen) -> tuple[Example, bytes]:
    """Return both conversations of a line, and what they have in common."""
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


def _bad_row(where: str, reason: str) -> InputError:
    return InputError(
        "a line is no preference",
        where=where,
        why=reason,
        fix="mend or delete the line, or set bad_rows to leave_out to go on with the others",
    )
