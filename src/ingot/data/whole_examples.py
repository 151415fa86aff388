"""From lines to shards that hold each example whole: what preferences, ratings and prompts have in common.

A line that is no example is left out, with its place and reason in `failures.jsonl`, or ends the step
(`bad_rows: refuse`). A part is kept aside by content, so that the same examples are kept aside in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ingot.core.errors import InputError, UsageError
from ingot.data.example_lines import check_share, is_held_out, lines
from ingot.data.whole_rows import Example, facts_of, report_failures, write_rows
from ingot.flow.artifact import Artifact
from ingot.flow.source import Snapshot
from ingot.flow.step import StepContext
from ingot.tokenizer.codec import Codec

BadRows = Literal["leave_out", "refuse"]
# From where a line stands, its bytes and the tokenizer to the example, and what decides whether it is kept aside.
Frame = Callable[[str, bytes, Codec], tuple[Example, bytes]]


@dataclass(frozen=True)
class RowsConfig:
    """How many tokens a row has, which an example must fit; the share kept aside; what to do with a bad line."""

    row_tokens: int = 1024
    held_out_share: float = 0.05
    bad_rows: BadRows = "leave_out"

    def __post_init__(self) -> None:
        check_share(self.held_out_share, "shards of examples")
        if self.row_tokens < 32:
            what, fix = f"row_tokens is {self.row_tokens}", "choose 1024, or more for long conversations"
            raise UsageError(what, where="shards of examples", fix=fix)


@dataclass(frozen=True)
class Words:
    """What an example is called, what one is missing for where there is none, and how it is written."""

    noun: str
    purpose: str
    fix: str


def write_examples(
    frame: Frame,
    config: RowsConfig,
    tokenizer: Artifact,
    sources: Mapping[str, Snapshot],
    context: StepContext,
    words: Words,
) -> dict[str, Any]:
    """Write the lines of the sources as shards; return what was counted.

    Raises InputError when there is nothing to learn from, or for the first bad line where those are to be refused.
    """
    codec, failures = Codec.load(tokenizer.path), list[dict[str, str]]()

    def examples() -> Iterator[tuple[str, Example]]:
        for where, line in lines(sources):
            try:
                example, content = frame(where, line, codec)
            except (InputError, ValueError, TypeError, AttributeError, RecursionError) as error:
                reason, fix = (error.what, error.fix) if isinstance(error, InputError) else (str(error), "")
                if config.bad_rows == "refuse":
                    raise _bad_row(where, reason, fix, words) from error
                failures.append({"where": where, "reason": reason})
                continue
            yield "held_out" if is_held_out(content, config.held_out_share) else "train", example

    counted = write_rows(examples, codec, tokenizer.path, context.folder, config.row_tokens)
    report_failures(failures, context)
    if not counted["train"].examples:
        why = "{where}: {reason}".format(**failures[0]) if failures else "the sources are empty"
        what = f"there is no {words.noun} {words.purpose}"
        raise InputError(what, where=", ".join(sources), why=why, fix=words.fix)
    return {**facts_of(counted, config.row_tokens), "failures": len(failures)}


def _bad_row(where: str, reason: str, fix: str, words: Words) -> InputError:
    return InputError(
        f"a line is no {words.noun}",
        where=where,
        why=reason,
        fix=f"{fix or 'mend or delete the line'}, or set bad_rows to leave_out to go on with the others",
    )
