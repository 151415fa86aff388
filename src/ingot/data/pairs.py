"""The step that makes shards of pairs of texts, for a model that finds what belongs together.

A source holds JSON Lines, `{"query": ..., "positive": ...}` each: a question and a passage that answers it, a title and
its text, a sentence and another way to say it. The two become documents of the shards that follow one another, in one
row; what is learned is to tell the positive from those of the row's other pairs, so a row must hold many. Texts longer
than half a row are cut at their end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingot.core.errors import InputError, UsageError
from ingot.data.example_lines import check_share, is_held_out, lines
from ingot.data.whole_rows import (
    Example,
    Piece,
    facts_of,
    report_failures,
    write_rows,
)
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.tokenizer.codec import Codec

FEWEST_IN_ROW = 4  # with fewer there is hardly anything to tell a positive from


@dataclass(frozen=True)
class Config:
    """The names of the fields, how many tokens a row has, and the share of pairs kept aside to measure on."""

    query: str = "query"
    positive: str = "positive"
    row_tokens: int = 1024
    held_out_share: float = 0.1

    def __post_init__(self) -> None:
        check_share(self.held_out_share, "pairs")
        if self.row_tokens < 8:
            raise UsageError(
                f"row_tokens is {self.row_tokens}", where="pairs", fix="choose 1024, or more for long texts"
            )


def tokenize(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write the pairs of the sources as shards of the `tokenizer`. Raises InputError when there are not two."""
    folder = inputs["tokenizer"].path
    codec = Codec.load(folder)
    failures: list[dict[str, str]] = []
    most, cut = config.row_tokens // 2 - 2, 0

    def examples() -> Iterator[tuple[str, Example]]:
        nonlocal cut
        for where, line in lines(context.sources):
            try:
                texts = _texts(line, config)
            except (InputError, ValueError, AttributeError, RecursionError) as error:
                failures.append({"where": where, "reason": error.what if isinstance(error, InputError) else str(error)})
                continue
            encoded = codec.encode_batch(texts)
            cut += any(len(ids) > most for ids in encoded)
            # By the query, so that a query with several positives is on one side.
            split = "held_out" if is_held_out(texts[0].strip().encode(), config.held_out_share) else "train"
            yield (
                split,
                [
                    Piece(f"{where}#{name}", len(text.encode()), [codec.bos, *ids[:most], codec.eos])
                    for name, text, ids in zip(("query", "positive"), texts, encoded, strict=True)
                ],
            )

    counted = write_rows(examples, codec, folder, context.folder, config.row_tokens)
    report_failures(failures, context)
    train = counted["train"]
    if train.examples < 2:
        raise InputError(
            f"there are {train.examples} pairs to learn from",
            where=", ".join(context.sources),
            why=f"{failures[0]['where']}: {failures[0]['reason']}" if failures else "the sources are empty",
            fix='write one {"query": ..., "positive": ...} a line',
        )
    in_row = train.examples * config.row_tokens / train.tokens
    if in_row < FEWEST_IN_ROW:
        text = f"only {in_row:.1f} pairs fit a row: choose a larger row_tokens than {config.row_tokens}"
        context.emit("warning", text=text)
    numbers = {"pairs_in_row": round(in_row, 2), "cut": cut, "failures": len(failures)}
    return {**facts_of(counted, config.row_tokens), **numbers}


def _texts(line: bytes, config: Config) -> list[str]:
    record = json.loads(line)
    texts = [record.get(name) for name in (config.query, config.positive)]
    for name, text in zip((config.query, config.positive), texts, strict=True):
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"there is no text in {name!r}")
        text.encode()  # JSON can write half a character, which is no text
    return texts
