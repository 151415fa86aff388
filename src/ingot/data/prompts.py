"""The step that makes shards of prompts: what a model is asked, and what it is expected to answer.

Sources are JSON Lines: `{"prompt": "...", "answer": "..."}`. The prompt may be a list of messages, which `messages` is
read as, too; the answer is a text that a reward can check (train/rewards), or is left out where there is nothing to
compare with. Both are framed as a conversation by `tokenizer/chat` and become one document, whole in its row. A line
that is no prompt is left out, with its place and reason in `failures.jsonl`, or ends the step (`bad_rows: refuse`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ingot.core.errors import InputError
from ingot.data.whole_examples import RowsConfig, Words, write_examples
from ingot.data.whole_rows import Example, Piece
from ingot.flow.artifact import Artifact
from ingot.flow.source import Snapshot
from ingot.flow.step import Facts, StepContext
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec

Messages = list[Mapping[str, Any]]
# Is given where a line stands, the prompt and the expected answer; raises InputError for what they cannot be used for.
Check = Callable[[str, str, str], None]
_WORDS = Words("prompt", "to answer", 'write one prompt a line: {"prompt": "What is 12 + 30?", "answer": "42"}')


@dataclass(frozen=True)
class Config(RowsConfig):
    """As of all shards of examples; a prompt and its expected answer must fit a row."""

    row_tokens: int = 512


@dataclass
class _Seen:
    """What was met on the way through the lines."""

    unanswered: int = 0
    longest_prompt_tokens: int = 0
    longest_answer_tokens: int = 0


def tokenize(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write the prompts of the sources as shards of the `tokenizer`.

    Raises InputError when there is none, or for the first bad line where those are to be refused.
    """
    return write_prompts(config, inputs["tokenizer"], context.sources, context)


def write_prompts(
    config: Config,
    tokenizer: Artifact,
    sources: Mapping[str, Snapshot],
    context: StepContext,
    check: Check | None = None,
) -> Facts:
    """Do the same for some of the step's sources; `check` sees place, text and answer of every prompt."""
    seen = _Seen()

    def frame(where: str, line: bytes, codec: Codec) -> tuple[Example, bytes]:
        messages, answer, tools = read_prompt(line)
        asked = render(messages, codec, tools=tools, add_generation_prompt=True).ids
        ids = render([*messages, {"role": "assistant", "content": answer}], codec, tools=tools).ids
        _check_length(len(ids) + 1, config.row_tokens)
        if check is not None:
            check(where, codec.decode(asked), answer)
        seen.unanswered += not answer
        seen.longest_prompt_tokens = max(seen.longest_prompt_tokens, len(asked))
        if answer:
            seen.longest_answer_tokens = max(seen.longest_answer_tokens, len(ids) - len(asked))
        # By what is asked, so that no prompt is on both sides with different answers.
        return [Piece(where, len(line), [*ids, codec.eos])], json.dumps(messages).encode()

    facts = write_examples(frame, config, tokenizer, sources, context, _WORDS)
    return {**facts, **asdict(seen)}


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
