"""The step that makes shards of conversations, for supervised fine-tuning.

A source holds JSON Lines, one conversation each: `{"messages": [{"role": "user", "content": "..."}, ...]}`, and beside
it `tools` where the assistant may call some. Each is framed by `tokenizer/chat`, as it will be when the model is
served, and becomes one document of the shards. A source named `held_out` is kept aside whole. What a model learns is
shown, not only counted: `masked.txt` holds the first conversations with the learned part marked (`ingot data labels`
shows any of them, token by token). A line that is no conversation is left out, with its place and reason in
`failures.jsonl`, or ends the step (`bad_rows: refuse`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

from ingot.core.config import added
from ingot.core.errors import InputError, UsageError
from ingot.core.storage import fsync_tree, sha256_file, write_atomically
from ingot.core.tables import shard_name
from ingot.data.conversation_lines import Conversation, read_conversation
from ingot.data.example_lines import is_held_out, lines
from ingot.data.shard import ShardWriter
from ingot.data.shards import FORMAT, SPLITS
from ingot.data.speakers import Speakers
from ingot.flow.artifact import Artifact
from ingot.flow.source import Snapshot
from ingot.flow.step import Facts, StepContext
from ingot.tokenizer.chat import with_marks
from ingot.tokenizer.codec import Codec

BadRows = Literal["leave_out", "refuse"]
HELD_OUT = "held_out"  # of a source: what it holds is only measured on
SHOWN = 5
_SMALL_VOCABULARY = 1 << 16
_BETWEEN_REPORTS = 1000


@dataclass(frozen=True)
class Config:
    """The share of conversations kept aside to measure on, chosen by their content, and what to do with a bad line.

    `bad_rows` "refuse" ends the step at the first line that cannot be learned from, and for a set in which user and
    assistant seem to be swapped. Conversations of more than `longest_tokens` are such lines; 0 sets no limit, and what
    is longer than the model reads is then learned in pieces.
    """

    held_out_share: float = 0.05
    bad_rows: BadRows = added("leave_out")
    longest_tokens: int = added(0)

    def __post_init__(self) -> None:
        if self.longest_tokens < 0:
            what = f"longest_tokens is {self.longest_tokens}"
            raise UsageError(what, where="conversations", fix="choose what the model reads at once, or 0 for no limit")
        if not 0 <= self.held_out_share < 1:
            what = f"held_out_share is {self.held_out_share}"
            raise UsageError(what, where="conversations", fix="choose a share from 0 to below 1; 0.05 is usual")


@dataclass
class _Counted:
    conversations: int = 0
    tokens: int = 0
    trained: int = 0
    ended_turns: int = 0
    unanswered: int = 0
    longest: int = 0


def tokenize(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write the conversations of the sources as shards of the `tokenizer`.

    Raises InputError when there is not one conversation in which the assistant speaks, or for what `bad_rows` refuses.
    """
    folder = inputs["tokenizer"].path
    codec = Codec.load(folder)
    dtype = "uint16" if codec.vocabulary <= _SMALL_VOCABULARY else "uint32"
    counted = {split: _Counted() for split in SPLITS}
    speakers = Speakers()
    shown: list[str] = []
    failures: list[dict[str, str]] = []
    with ExitStack() as stack:
        writers = {}
        for split in SPLITS:
            place = context.folder / split / shard_name(0)
            place.mkdir(parents=True)
            writers[split] = stack.enter_context(ShardWriter(place, dtype, codec.vocabulary))
        for number, (where, line, split) in enumerate(_in_splits(context.sources, config)):
            try:
                found = read_conversation(line, codec, config.longest_tokens)
            except (InputError, ValueError, TypeError, KeyError, AttributeError) as error:
                reason = error.what if isinstance(error, InputError) else str(error)
                if config.bad_rows == "refuse":
                    raise _bad_row(where, reason) from error
                failures.append({"where": where, "reason": reason})
                continue
            writers[split].append(where, len(line), [found.rendered.ids, [codec.eos]])
            _count(counted[split], found)
            speakers.add(where, found.messages)
            if len(shown) < SHOWN:
                shown.append(f"{where}\n{with_marks(found.rendered, codec)}")
            if number % _BETWEEN_REPORTS == 0:
                context.emit("progress", done=number, unit="conversations")
    for writer in writers.values():
        writer.finish()
    _refuse_silence(counted["train"], failures, context)
    _refuse_swapped(speakers, config, context)
    write_atomically(context.folder / "masked.txt", "\n\n".join(shown) + "\n")
    write_atomically(context.folder / "failures.jsonl", "".join(json.dumps(each) + "\n" for each in failures))
    facts = _facts(counted, failures)
    manifest = {
        "format": FORMAT,
        "dtype": dtype,
        "vocabulary": codec.vocabulary,
        "bos": codec.bos,
        "eos": codec.eos,
        "tokenizer": sha256_file(folder / "tokenizer.json"),
        "shards": dict.fromkeys(SPLITS, 1),
    }
    write_atomically(context.folder / "shards.json", json.dumps({**manifest, "facts": facts}, indent=1) + "\n")
    fsync_tree(context.folder)
    share = facts["trained_tokens"] / facts["train_tokens"]
    context.emit("note", text=f"{share:.0%} of the tokens are what the assistant says; masked.txt shows which")
    if failures:
        context.emit("warning", text=f"{len(failures)} lines are no conversation; failures.jsonl says why")
    return facts


def _in_splits(sources: Mapping[str, Snapshot], config: Config) -> Iterator[tuple[str, bytes, str]]:
    """Yield the lines of all sources with where each stands and the split it goes to."""
    for where, line in lines({name: snapshot for name, snapshot in sources.items() if name != HELD_OUT}):
        yield where, line, HELD_OUT if is_held_out(line.strip(), config.held_out_share) else "train"
    for where, line in lines({name: snapshot for name, snapshot in sources.items() if name == HELD_OUT}):
        yield where, line, HELD_OUT


def _count(counted: _Counted, found: Conversation) -> None:
    tokens = len(found.rendered.ids) + 1
    counted.conversations += 1
    counted.tokens += tokens
    counted.trained += sum(found.rendered.trained)
    counted.ended_turns += found.ended_turns
    counted.unanswered += found.is_unanswered
    counted.longest = max(counted.longest, tokens)


def _bad_row(where: str, reason: str) -> InputError:
    return InputError(
        "a line cannot be learned from",
        where=where,
        why=reason,
        fix="mend or delete the line, or set bad_rows to leave_out to go on with the others",
    )


def _refuse_swapped(speakers: Speakers, config: Config, context: StepContext) -> None:
    if not speakers.verdict:
        return
    if config.bad_rows == "refuse":
        raise InputError(
            speakers.verdict,
            where=", ".join(context.sources),
            why="a model would learn to ask where it should answer",
            fix="exchange the two columns; if it is meant so, set bad_rows to leave_out",
        )
    context.emit("warning", text=speakers.verdict)


def _refuse_silence(train: _Counted, failures: list[dict[str, str]], context: StepContext) -> None:
    if not train.trained:
        first = f"{failures[0]['where']}: {failures[0]['reason']}" if failures else "the sources are empty"
        raise InputError(
            "there is no conversation to learn from",
            where=", ".join(context.sources),
            why=first,
            fix='write one conversation a line: {"messages": [{"role": "user", "content": "..."}, ...]}',
        )


def _facts(counted: Mapping[str, _Counted], failures: list[dict[str, str]]) -> dict[str, Any]:
    train, held_out = (counted[split] for split in SPLITS)
    return {
        "train_documents": train.conversations,
        "train_tokens": train.tokens,
        "trained_tokens": train.trained,
        "ended_turns": train.ended_turns,
        "unanswered": train.unanswered,
        "longest_tokens": train.longest,
        "held_out_documents": held_out.conversations,
        "held_out_tokens": held_out.tokens,
        "failures": len(failures),
    }
