"""Which tokens of a set of conversations a model is trained on: every token with its label, and the totals.

Looked at is a file of conversations, as the step `conversations` would frame them, or shards that a training reads. In
shards the labels are found in the ids alone, by the function the trainer uses; so what is shown is what is learned. A
set of which nothing is learned, or in which the assistant never ends a turn, is refused: a model taught by it would say
nothing new, or would never stop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError
from ingot.data.conversation_lines import read_conversation
from ingot.data.shards import Shards
from ingot.data.speakers import Speakers
from ingot.tokenizer.chat import mark_names, trained_mask
from ingot.tokenizer.codec import Codec

_FORM = 'write one conversation a line: {"messages": [{"role": "user", "content": "..."}, ...]}'


@dataclass(frozen=True)
class Labelled:
    """The ids of one conversation, where it stands, and which of its tokens are trained."""

    where: str
    ids: Sequence[int]
    trained: Sequence[bool]


@dataclass(frozen=True)
class Problem:
    """What is wrong with a row; one that is left out is not learned from at all."""

    where: str
    reason: str
    is_left_out: bool


@dataclass
class Totals:
    """Counted over all conversations that are learned from. `turns` are those of everybody."""

    conversations: int = 0
    tokens: int = 0
    trained: int = 0
    turns: int = 0
    ended_turns: int = 0
    longest: int = 0

    @property
    def share(self) -> float:
        """Return the share of the tokens that is trained."""
        return self.trained / self.tokens if self.tokens else 0.0


@dataclass
class Inspection:
    """The totals of a set, its first conversations, what is wrong with rows, and with the set as a whole."""

    totals: Totals = field(default_factory=Totals)
    shown: list[Labelled] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warning: str = ""

    def add(self, one: Labelled, codec: Codec, count: int) -> None:
        """Count a conversation, and keep it when it is among the first `count`."""
        totals = self.totals
        totals.conversations += 1
        totals.tokens += len(one.ids)
        totals.trained += sum(one.trained)
        totals.turns += sum(token == codec.start_of_turn for token in one.ids)
        marked = zip(one.ids, one.trained, strict=True)
        totals.ended_turns += sum(is_trained and token == codec.end_of_turn for token, is_trained in marked)
        totals.longest = max(totals.longest, len(one.ids))
        if len(self.shown) < count:
            self.shown.append(one)


def inspect_file(path: Path, codec: Codec, count: int, context: int = 0) -> Inspection:
    """Look at a file of conversations and keep the first `count`; `context` is what a model reads, where it is known.

    A row that cannot be learned from is a problem and not counted. Memory grows with the problems, not with the file.
    """
    found, speakers = Inspection(), Speakers()
    for where, line in _lines(path):
        try:
            read = read_conversation(line, codec)
        except (InputError, ValueError, TypeError, KeyError, AttributeError) as error:
            reason = error.what if isinstance(error, InputError) else str(error)
            found.problems.append(Problem(where, reason, True))
            continue
        # The mark that ends a document stands in shards, too, and is never trained.
        one = Labelled(where, [*read.rendered.ids, codec.eos], [*read.rendered.trained, False])
        found.add(one, codec, count)
        speakers.add(where, read.messages)
        if context and len(one.ids) > context:
            told = f"it has {len(one.ids):,} tokens and the model reads {context:,}: it is learned in pieces"
            found.problems.append(Problem(where, told, False))
        if read.is_unanswered:
            told = "its last turn is not the assistant's: what is asked there is read and never answered"
            found.problems.append(Problem(where, told, False))
    found.warning = speakers.verdict
    return found


def inspect_shards(folder: Path, codec: Codec, count: int, split: str = "train") -> Inspection:
    """Look at the documents of shards as a training with the objective `supervised` labels them."""
    found, shards = Inspection(), Shards.open(folder, split)
    for number in range(len(shards)):
        shard = shards[number]
        names = shard.doc_ids(0, min(count, shard.document_count))
        for place, ids in enumerate(shard.in_documents()):
            where = names[place] if place < len(names) else ""
            found.add(Labelled(where, ids.tolist(), trained_mask(ids, codec).tolist()), codec, count)
        shard.release()
    return found


def refuse_unlearnable(found: Inspection, where: str) -> None:
    """Raise InputError for a set of which nothing is learned, or that never ends a turn."""
    left_out = [each for each in found.problems if each.is_left_out]
    first = f"; first, {left_out[0].where}: {left_out[0].reason}" if left_out else ""
    if not found.totals.trained:
        held = (
            f"all of its {found.totals.tokens:,} tokens are masked" if found.totals.tokens else "it has no row to use"
        )
        raise InputError("there is nothing to learn in this set", where=where, why=held + first, fix=_FORM)
    if not found.totals.ended_turns:
        raise InputError(
            "the assistant never ends a turn in this set",
            where=where,
            why="a model learns to stop from the token that ends a turn, and would write on for ever",
            fix="make the shards again from whole conversations (`ingot data labels FILE` shows them)",
        )


def token_texts(ids: Sequence[int], codec: Codec) -> list[str]:
    """Return the text of each token by itself: control tokens by name, parts of a character as their bytes.

    A character of several tokens is `<0xC3>` and `<0xBC>`, for neither of them is it alone.
    """
    names = mark_names(codec) | {codec.eos: "<|eos|>", codec.pad: "<|pad|>"}
    return [names[token] if token in names else _readable(codec.token_bytes(token)) for token in ids]


def as_data(one: Labelled, codec: Codec) -> dict[str, Any]:
    """Return a conversation with its labels as JSON literals: what a page or a program needs to draw it."""
    told = zip(one.ids, token_texts(one.ids, codec), one.trained, strict=True)
    tokens = [{"id": token, "text": text, "is_trained": is_trained} for token, text, is_trained in told]
    return {"where": one.where, "tokens": tokens}


def summary(found: Inspection) -> dict[str, Any]:
    """Return the totals as JSON literals; problems are counted, and come by themselves."""
    left_out = sum(each.is_left_out for each in found.problems)
    counted: Mapping[str, Any] = asdict(found.totals)
    share = {"trained_share": round(found.totals.share, 4)}
    return {**counted, **share, "left_out": left_out, "noted": len(found.problems) - left_out, "warning": found.warning}


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield f"{path.name}:{number}", line


def _readable(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in raw)
