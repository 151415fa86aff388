"""Is there memory for a training? Answered before it is accepted, by the arithmetic that every plan is made with.

How many tokens the examples have is estimated: some of them, spread over the file, and the longest are tokenised. What
memory there is: the machine's (or the container's), less what this server and its engines hold while they answer.
"""

from __future__ import annotations

import heapq
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from ingot.core.config import load
from ingot.core.errors import InputError
from ingot.core.hardware import machine, memory_bytes
from ingot.core.storage import as_size
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.plan.dividing import USABLE
from ingot.plan.fine_tuning import FineTuneConfig, plan_facts
from ingot.plan.memory import Work, training_memory
from ingot.serve.ports import TrainingOrder
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec

_SAMPLE, _LONGEST = 128, 8
_SHORTEST = 32  # tokens: examples that are said to fit are no shorter


@dataclass(frozen=True)
class Examples:
    """How many conversations there are, and the tokens of a usual and of the longest one."""

    count: int
    mean_tokens: float
    longest_tokens: int


def free_bytes() -> int:
    """Return the memory that is left beside this server and its engines."""
    own = psutil.Process(os.getpid())
    held = 0
    for process in (own, *own.children(recursive=True)):
        try:
            held += process.memory_info().rss
        except psutil.Error:  # it has just ended
            continue
    return max(memory_bytes() - held, 0)


def measured(conversations: Path, codec: Codec) -> Examples:
    """Return about how long the conversations in a file are."""
    longest = heapq.nlargest(_LONGEST, ((size, place) for place, size in _lines(conversations)))
    count = sum(1 for _ in _lines(conversations))
    places = islice(_lines(conversations), 0, None, max(count // _SAMPLE, 1))
    spread = [_tokens(conversations, place, codec) for place, _ in places]
    most = max([*spread, *(_tokens(conversations, place, codec) for _, place in longest)])
    return Examples(count, sum(spread) / len(spread), most)


def check_memory(order: TrainingOrder, start: Artifact, conversations: Path, free: int) -> None:
    """Raise InputError for a training on processors that does not fit into `free` bytes, with the nearest that does."""
    model = load(ModelConfig, start.facts["model"], start.reference)
    examples = measured(conversations, Codec.load(start.path))
    needed = _peak(model, examples, order)
    if needed <= free * USABLE:
        return
    raise InputError(
        f"this training does not fit into the memory of this server: it takes about {as_size(needed)}",
        where="hyperparameters.batch_size" if order.batch_size > 1 else "model",
        why=f"{as_size(free)} are left beside what answers, of which {USABLE:.0%} may be used",
        fix=_nearest(model, examples, order, free),
    )


def _nearest(model: ModelConfig, examples: Examples, order: TrainingOrder, free: int) -> str:
    """Say the largest batch that fits, else the longest examples, else that it is the model."""
    most = int(plan_facts(_config(model, examples, order))["examples_per_step"])
    for batch in range(most - 1, 0, -1):
        if _peak(model, examples, replace(order, batch_size=batch)) <= free * USABLE:
            return f"the nearest that fits is a batch_size of {batch}"
    length = examples.longest_tokens
    while (length := length // 2) >= _SHORTEST:
        shorter = Examples(examples.count, min(examples.mean_tokens, length), length)
        if _peak(model, shorter, replace(order, batch_size=1)) <= free * USABLE:
            return f"the nearest that fits is a batch_size of 1, with examples of at most {length} tokens"
    return "take a smaller model, or train where there is more memory"


def _peak(model: ModelConfig, examples: Examples, order: TrainingOrder) -> int:
    facts = plan_facts(_config(model, examples, order))
    precision = "bf16" if machine().has_bf16 else "fp32"
    return training_memory(model, Work(facts["batch_size"], facts["sequence_length"], precision=precision)).peak


def _config(model: ModelConfig, examples: Examples, order: TrainingOrder) -> FineTuneConfig:
    tokens = max(int(examples.count * examples.mean_tokens), examples.longest_tokens + 1)
    return FineTuneConfig(model, examples.count, tokens, examples.longest_tokens, order.epochs, order.batch_size)


def _lines(path: Path) -> Iterator[tuple[int, int]]:
    """Yield where each line begins, and its bytes."""
    place = 0
    with path.open("rb") as file:
        for line in file:
            yield place, len(line)
            place += len(line)


def _tokens(path: Path, place: int, codec: Codec) -> int:
    with path.open("rb") as file:
        file.seek(place)
        talk: dict[str, Any] = json.loads(file.readline())
    return len(render(talk["messages"], codec, tools=talk.get("tools") or ()).ids)
