"""The step that makes shards of prompts: what a model is asked, and what it is expected to answer.

Sources are JSON Lines: `{"prompt": "...", "answer": "..."}`. The prompt may be a list of messages, which `messages` is
read as, too; the answer is a text that a reward can check (train/rewards), or is left out where there is nothing to
compare with. Both are framed as a conversation by `tokenizer/chat` and become one document, whole in its row. A line
that is no prompt is left out, with its place and reason in `failures.jsonl`, or ends the step (`bad_rows: refuse`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ingot.core.errors import InputError, UsageError
from ingot.data.example_lines import check_share, is_held_out, lines
from ingot.data.whole_rows import Example, Piece, facts_of, report_failures, write_rows
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec

BadRows = Literal["leave_out", "refuse"]
Messages = list[Mapping[str, Any]]
_FIX = 'write one prompt a line: {"prompt": "What is 12 + 30?", "answer": "42"}'


@dataclass(frozen=True)
class Config:
    """How many tokens a row has, which a prompt and its answer must fit; the share kept aside; what a bad line does."""

    row_tokens: int = 512
    held_out_share: float = 0.05
    bad_rows: BadRows = "leave_out"

    def __post_init__(self) -> None:
        check_share(self.held_out_share, "prompts")
        if self.row_tokens < 32:
            fix = "choose 512, or more for long prompts"
            raise UsageError(f"row_tokens is {self.row_tokens}", where="prompts", fix=fix)


@dataclass
class _Seen:
    """What was met on the way through the lines."""

    failures: list[dict[str, str]] = field(default_factory=list)
    unanswered: int = 0


def tokenize(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write the prompts of the sources as shards of the `tokenizer`.

    Raises InputError when there is none, or for the first bad line where those are to be refused.
    """
    folder = inputs["tokenizer"].path
    codec, seen = Codec.load(folder), _Seen()

    def examples() -> Iterator[tuple[str, Example]]:
        for where, line in lines(context.sources):
            try:
                messages, answer, tools = read_prompt(line)
                ids = render([*messages, {"role": "assistant", "content": answer}], codec, tools=tools).ids
                _check_length(len(ids) + 1, config.row_tokens)
            except (InputError, ValueError, TypeError, AttributeError, RecursionError) as error:
                reason = error.what if isinstance(error, InputError) else str(error)
                if config.bad_rows == "refuse":
                    raise _bad_row(where, reason) from error
                seen.failures.append({"where": where, "reason": reason})
                continue
            seen.unanswered += not answer
            # By what is asked, so that no prompt is on both sides with different answers.
            split = "held_out" if is_held_out(json.dumps(messages).encode(), config.held_out_share) else "train"
            yield split, [Piece(where, len(line), [*ids, codec.eos])]

    counted = write_rows(examples, codec, folder, context.folder, config.row_tokens)
    report_failures(seen.failures, context)
    if not counted["train"].examples:
        first = seen.failures[0] if seen.failures else None
        why = f"{first['where']}: {first['reason']}" if first else "the sources are empty"
        raise InputError("there is no prompt to answer", where=", ".join(context.sources), why=why, fix=_FIX)
    return {**facts_of(counted, config.row_tokens), "unanswered": seen.unanswered, "failures": len(seen.failures)}


def read_prompt(line: bytes) -> tuple[Messages, str, list[Mapping[str, Any]]]:
    """Return what a line asks, what is expected, and the tools that may be called.

    Raises InputError or ValueError with the reason when it asks nothing.
    """
    record = json.loads(line)
    if not isinstance(record, dict):
        raise InputError("the line is not a JSON object")
    asked = record.get("prompt", record.get("messages"))
    if isinstance(asked, str) and asked.strip():
        asked = [{"role": "user", "content": asked}]
    if not isinstance(asked, list) or not asked or not all(isinstance(message, dict) for message in asked):
        raise InputError("'prompt' is neither a text nor a list of messages")
    if asked[-1].get("role") == "assistant":
        raise InputError("the prompt ends with the assistant's turn: put what is expected under 'answer'")
    answer = record.get("answer")
    if isinstance(answer, bool) or not isinstance(answer, str | int | float | None):
        raise InputError("'answer' is neither a text nor a number")
    return asked, "" if answer is None else str(answer), record.get("tools") or []


def _check_length(tokens: int, row_tokens: int) -> None:
    if tokens > row_tokens:
        raise InputError(f"the prompt and its answer have {tokens:,} tokens, and a row holds {row_tokens:,}")


def _bad_row(where: str, reason: str) -> InputError:
    return InputError(
        "a line is no prompt",
        where=where,
        why=reason,
        fix="mend or delete the line, or set bad_rows to leave_out to go on with the others",
    )
