"""What the answers of a model earn, on prompts kept aside: a hook while it trains, and a step that compares two models.

The model answers each prompt once, with its likeliest tokens, and the reward that lies beside the prompts says what the
answer is worth. The step `answer` writes down, line by line, what the model a training began with said, what the one
it ended with says, and what both were worth; figures and their intervals are made of that by evaluate/earning.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean

import torch

from ingot.core.errors import UsageError
from ingot.core.storage import write_atomically
from ingot.data.shards import Shards
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.convert import load
from ingot.model.decoder import Decoder
from ingot.plan.rewarding import answer_room
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec
from ingot.train.judging import Reward, kept_reward
from ingot.train.prompts import Prompt, prompt_of
from ingot.train.rollouts import Drawing, draw

FILE = "answers.jsonl"
HELD_OUT_REWARD = "held_out_reward"
SLICE_PROMPTS = 64
_AT_ONCE = 64


@dataclass(frozen=True)
class Config:
    """How many tokens an answer may have."""

    answer_tokens: int = 64

    def __post_init__(self) -> None:
        if self.answer_tokens < 1:
            what = f"answer_tokens is {self.answer_tokens}"
            raise UsageError(what, where="answers", fix="choose as many as a good answer needs")


@dataclass(frozen=True)
class Earned:
    """An answer and what it is worth."""

    answer: str
    reward: float


def earning(decoder: Decoder, step: int, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, float]:
    """Return the mean `held_out_reward` of some prompts kept aside; nothing when there are none."""
    codec, shards = Codec.load(inputs["tokenizer"].path), inputs["shards"]
    prompts = [prompt for _, prompt in islice(held_out(shards.path, codec), SLICE_PROMPTS)]
    if not prompts:
        return {}
    longest_prompt, longest_answer = (int(shards.facts[f"longest_{name}_tokens"]) for name in ("prompt", "answer"))
    room = answer_room(longest_prompt, longest_answer, decoder.config.context)
    earned = earn(decoder, prompts, codec, kept_reward(shards.path), room)
    return {HELD_OUT_REWARD: fmean(each.reward for each in earned)}


def answer(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write what `start` and `checkpoint` answer to the held-out prompts of the `shards`, and what that is worth.

    Both compute in float32, whatever the training did.
    """
    # Rounding depends on the number of threads: pin it, so that a repeat on the same machine gives the same digits.
    torch.set_num_threads(context.cores)
    codec, folder = Codec.load(inputs["tokenizer"].path), inputs["shards"].path
    asked, reward = list(held_out(folder, codec)), kept_reward(folder)
    told = []
    for name in ("start", "checkpoint"):
        decoder, found = load(inputs[name].path).eval(), list[Earned]()
        for first in range(0, len(asked), _AT_ONCE):
            some = [prompt for _, prompt in asked[first : first + _AT_ONCE]]
            found += earn(decoder, some, codec, reward, config.answer_tokens)
            context.emit("progress", done=len(found), total=len(asked), unit="prompts")
        told.append(found)
    lines = [
        {"where": where, "expected": prompt.expected, "before": asdict(before), "after": asdict(after)}
        for (where, prompt), before, after in zip(asked, *told, strict=True)
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_atomically(context.folder / FILE, text)
    return {"prompts": len(asked), "answer_tokens": config.answer_tokens}


def held_out(shards: Path, codec: Codec) -> Iterator[tuple[str, Prompt]]:
    """Yield the prompts kept aside, each with where it stands in the file."""
    opened = Shards.open(shards, "held_out")
    for shard in map(opened.__getitem__, range(len(opened))):
        documents = list(shard.in_documents())
        for where, ids in zip(shard.doc_ids(0, len(documents)), documents, strict=True):
            yield where, prompt_of(list(map(int, ids)), codec)


def earn(decoder: Decoder, prompts: Sequence[Prompt], codec: Codec, reward: Reward, answer_tokens: int) -> list[Earned]:
    """Return the likeliest answer to every prompt with what it is worth."""
    ends = stop_ids(codec)
    drawing = Drawing(answers=1, tokens=answer_tokens, temperature=0.0)
    found = []
    groups = draw(decoder, [each.ids for each in prompts], codec, drawing, b"")
    for prompt, [drawn] in zip(prompts, groups, strict=True):
        said = codec.decode([token for token in drawn.ids if token not in ends])
        [worth] = reward(codec.decode(prompt.ids), prompt.expected, [said])
        found.append(Earned(said, worth))
    return found
