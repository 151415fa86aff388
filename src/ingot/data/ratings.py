"""The step that makes shards of ratings: one answer to a conversation, and whether it was good or bad.

Sources are JSON Lines: `{"prompt": "...", "completion": "...", "label": true}`, as thumbs up and down are kept, and as
TRL has them; prompt and completion may be messages, the completion one turn of the assistant. Each conversation is
framed by `tokenizer/chat` and becomes one document, whole in its row; which were good stands in `ratings.json`, by a
hash of what was read up to the end of the answer. A line that is no rating is left out, with its place and reason in
`failures.jsonl`, or ends the step (`bad_rows: refuse`). What is learned is shown in `masked.txt`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.data.preference_lines import Messages, messages_of
from ingot.data.score_differences import pair_key
from ingot.data.whole_examples import RowsConfig, Words, write_examples
from ingot.data.whole_rows import Example, Piece
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.tokenizer.chat import Rendered, render, with_marks
from ingot.tokenizer.codec import Codec

FILE = "ratings.json"
SHOWN = 5
_WORDS = Words(
    "rating", "to learn from", 'write one rating a line: {"prompt": "...", "completion": "...", "label": true}'
)


@dataclass(frozen=True)
class Config(RowsConfig):
    """As of all shards of examples; a row should hold several conversations (train/objectives/rating)."""


@dataclass(frozen=True)
class Rating:
    """A conversation that ends with an answer, the tools that could be called, and whether the answer was good."""

    prompt: Messages
    answer: Mapping[str, Any]
    is_good: bool
    tools: Sequence[Mapping[str, Any]] = ()


@dataclass
class _Seen:
    """What was met on the way through the lines."""

    shown: list[str] = field(default_factory=list)
    ratings: dict[bytes, bool] = field(default_factory=dict)
    places: dict[bytes, str] = field(default_factory=dict)
    good: int = 0
    bad: int = 0


def tokenize(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write the ratings of the sources as shards of the `tokenizer`.

    Raises InputError when there is none to learn from, or for the first bad line where those are to be refused.
    """
    seen = _Seen()

    def frame(where: str, line: bytes, codec: Codec) -> tuple[Example, bytes]:
        return _example(where, line, codec, config.row_tokens, seen)

    facts = write_examples(frame, config, inputs["tokenizer"], context.sources, context, _WORDS)
    told = {key.hex(): is_good for key, is_good in seen.ratings.items()}
    write_atomically(context.folder / FILE, json.dumps(told, indent=0) + "\n")
    write_atomically(context.folder / "masked.txt", "\n\n".join(seen.shown) + "\n")
    if not seen.good or not seen.bad:
        only = "good" if seen.good else "bad"
        text = f"all answers are {only}: what tells {only} ones apart cannot be learned from them"
        context.emit("warning", text=text)
    if facts["train_tokens"] // config.row_tokens >= facts["train_examples"]:
        text = f"a row holds one conversation, and should hold several: choose more row_tokens than {config.row_tokens}"
        context.emit("warning", text=text)
    return {**facts, "good": seen.good, "bad": seen.bad}


def rating_key(ids: Sequence[int]) -> bytes:
    """Return what a rated conversation is known by: a hash of its ids up to the mark that ends the answer."""
    return pair_key(ids, [])


def read_ratings(folder: Path) -> dict[bytes, bool]:
    """Return which answers of some shards were good. Raises InputError when they have no ratings."""
    try:
        told: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {bytes.fromhex(key): bool(is_good) for key, is_good in told.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(
            "these shards have no ratings",
            where=str(folder),
            why=f"{FILE} cannot be read ({type(error).__name__})",
            fix="make them with the step ingot.data.ratings:tokenize",
        ) from error


def read_rating(line: bytes) -> Rating:
    """Return what a line rates. Raises InputError or ValueError with the reason when it rates nothing."""
    record = json.loads(line)
    if not isinstance(record, dict):
        raise InputError("the line is not a JSON object")
    label = record.get("label")
    if label not in (True, False) or not isinstance(label, bool | int):
        raise InputError(f"'label' is {label!r}, and neither true nor false")
    prompt = messages_of(record.get("prompt", record.get("messages")), "user", "prompt")
    if not prompt:
        raise InputError("there is no prompt")
    if prompt[-1].get("role") == "assistant":
        raise InputError("the prompt ends with the assistant's turn: are the columns swapped?")
    turns = messages_of(record.get("completion"), "assistant", "completion")
    if len(turns) != 1 or turns[0].get("role") != "assistant":
        raise InputError("'completion' is not one turn of the assistant")
    said = turns[0].get("content")
    if not turns[0].get("tool_calls") and not (isinstance(said, str) and said.strip()):
        raise InputError("the assistant says nothing in 'completion'")
    return Rating(prompt, turns[0], bool(label), record.get("tools") or ())


def _example(where: str, line: bytes, codec: Codec, row_tokens: int, seen: _Seen) -> tuple[Example, bytes]:
    """Return the conversation of a line, and what it answers to: all answers to it are on one side."""
    rating = read_rating(line)
    asked = render(rating.prompt, codec, tools=rating.tools, add_generation_prompt=True).ids
    ids = render([*rating.prompt, rating.answer], codec, tools=rating.tools).ids
    if len(ids) + 1 > row_tokens:
        raise InputError(f"the conversation has {len(ids) + 1:,} tokens, and a row holds {row_tokens:,}")
    end = len(ids) - ids[::-1].index(codec.end_of_turn)
    key = rating_key(ids[:end])
    if seen.ratings.setdefault(key, rating.is_good) != rating.is_good:
        raise InputError(f"{seen.places[key]} says the opposite of the same answer")
    seen.places.setdefault(key, where)
    seen.good, seen.bad = seen.good + rating.is_good, seen.bad + (not rating.is_good)
    if len(seen.shown) < SHOWN:
        mask = [len(asked) <= place < end for place in range(len(ids))]
        told = "good" if rating.is_good else "bad"
        seen.shown.append(f"{where}\n{told}: {with_marks(Rendered(ids, mask), codec)}")
    return [Piece(where, len(line), [*ids, codec.eos])], np.array(asked, dtype=np.int64).tobytes()
