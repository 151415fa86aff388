"""Policy gradient: the model answers prompts, a program says what each answer is worth, and better ones get likelier.

Group relative policy optimisation (Shao et al., 2024, "DeepSeekMath", section 4.1) with one step per rollout: each
prompt gets a group of answers, and an answer's advantage is its reward less the group's mean. The gradient is

    sum over tokens of  -advantage x d log p(token)

and `kind` says by what it is divided, and so what a long answer counts:

    dapo      by all tokens: each counts the same                         Yu et al., 2025
    grpo      by the answer's length, then by the answers                 Shao et al., 2024
    dr_grpo   by the answers and the longest an answer may be             Liu et al., 2025

As answers come from the weights that are then moved, ratios of old and new probabilities are 1 and nothing is clipped.
With `beta` the divergence from the model it began as, the input `start`, is added (Schulman, 2020, "k3", with the
gradient of DeepSeek-AI, 2025, "DeepSeek-V3.2", section 3.1).

Shapes: A answers; R tokens of all answers, one answer after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from statistics import fmean, stdev
from typing import Any, Literal

import torch
from torch import Tensor

from ingot.core.errors import InputError, UsageError
from ingot.model.decoder import Decoder
from ingot.train.answering import Answered, in_rows, read_again
from ingot.train.health import bits_of
from ingot.train.invariance import doubts
from ingot.train.judging import KEPT, Reward, kept_reward, open_reward
from ingot.train.objective import Given, Loss, TensorBatch
from ingot.train.prompts import Prompt, prompts_in
from ingot.train.rollouts import Answer, Drawing, draw

Kind = Literal["dapo", "grpo", "dr_grpo"]
READS_WHOLE_TEXTS = True  # so that no process may hold a part of one
DRAWS_ANSWERS = True  # each process would need another number of passes
START = "start"
# Batches in a row without a difference between two answers: what is rare may be chance in fewer.
BATCHES_ALIKE = 10
_SMALL = 1e-4  # added to a standard deviation, as TRL does


@dataclass(frozen=True)
class Config:
    """How answers are drawn and judged, and what they count.

    Each prompt gets `answers` of up to `answer_tokens`, drawn at `temperature`. `reward` names a plug-in, or a file of
    your own by its path; `reward_options` are its settings. Without a name it is the one that lies beside the prompts
    since they were tried with it (train/trying). With `is_scaled` advantages are divided by the standard
    deviation of their group, which lets easy and hard prompts count alike. `beta` holds the model near its start.
    """

    reward: str = "likeness"
    reward_options: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind = "dapo"
    answers: int = 8
    answer_tokens: int = 64
    temperature: float = 1.0
    is_scaled: bool = False
    beta: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.answers < 2:
            raise _refused(f"answers is {self.answers}", "choose at least 2, because they are compared; 8 is usual")
        if self.answer_tokens < 1:
            raise _refused(f"answer_tokens is {self.answer_tokens}", "choose as many as a good answer needs")
        if not 0 < self.temperature <= 2:
            raise _refused(f"temperature is {self.temperature}", "choose 1, or a little less; at 0 all answers agree")
        if self.beta < 0:
            raise _refused(f"beta is {self.beta}", "choose 0, or a little above such as 0.01")


class Memory:
    """What is known of the batches before: how many in a row taught nothing, and whether the first one was checked."""

    def __init__(self) -> None:
        self.batches_alike = 0
        self.is_checked = False


def loss(decoder: Decoder, batch: TensorBatch, config: Config, given: Given) -> Loss:
    """Draw answers to a batch's prompts, judge them, and return the summed loss of their tokens.

    Raises InputError for a prompt that leaves no room for an answer, and for a reward that is no number.
    """
    codec, memory = given.codec, given.once("policy_gradient", Memory)
    reward: Reward = given.once("reward", lambda: _open(config, given))
    prompts = prompts_in(batch, codec)
    _refuse_full(prompts, decoder.config.context)
    drawing = Drawing(config.answers, config.answer_tokens, config.temperature)
    groups = draw(decoder, [each.ids for each in prompts], codec, drawing, _seed(decoder, config))
    ends = {codec.end_of_turn, codec.eos}
    said = [[codec.decode([token for token in each.ids if token not in ends]) for each in group] for group in groups]
    asked = [codec.decode(each.ids) for each in prompts]
    rewards = [reward(asked[at], each.expected, said[at]) for at, each in enumerate(prompts)]
    advantages = [advantages_of(group, config.is_scaled) for group in rewards]
    texts = [(prompt.ids, each.ids) for prompt, group in zip(prompts, groups, strict=True) for each in group]
    notes = _notes(rewards, memory)
    if not memory.is_checked:
        memory.is_checked, notes = True, [*notes, *doubts(decoder, texts, codec.pad)]
    flat = [advantage for group in advantages for advantage in group]
    total, count = loss_of_answers(decoder, texts, flat, config, given)
    return Loss(total, count, means=_means(rewards, groups), notes=tuple(notes))


def loss_of_answers(
    decoder: Decoder, texts: Sequence[Answered], advantages: Sequence[float], config: Config, given: Given
) -> tuple[Tensor, int]:
    """Return the summed loss of all answers, and its count.

    Without a reference an answer that is as good as its group has no gradient: it is counted, and not read again.
    """
    count = count_of([len(answer) for _, answer in texts], config)
    read = [at for at, advantage in enumerate(advantages) if advantage or config.beta] or [0]
    device = decoder.head_weight.device
    rows = in_rows([texts[at] for at in read], given.codec.pad, device)
    reference_R = None
    if config.beta:
        with torch.no_grad():
            start = given.decoder(START, device, decoder.dtype, "the model is held near what it began as")
            reference_R = read_again(start, rows, config.temperature)
    own_R = read_again(decoder, rows, config.temperature)
    advantages_A = torch.tensor([advantages[at] for at in read], device=device)
    lengths_A = torch.tensor([len(texts[at][1]) for at in read], device=device)
    total = policy_sum(own_R, advantages_A, lengths_A, config, reference_R)
    return total + count * decoder.router_loss(), count


def advantages_of(rewards: Sequence[float], is_scaled: bool = False) -> list[float]:
    """Return how much better each answer is than its group's mean; exactly zero where all are worth the same."""
    if min(rewards) == max(rewards):
        return [0.0] * len(rewards)
    mean, scale = fmean(rewards), stdev(rewards) + _SMALL if is_scaled else 1.0
    return [(reward - mean) / scale for reward in rewards]


def policy_sum(
    own_R: Tensor, advantages_A: Tensor, lengths_A: Tensor, config: Config, reference_R: Tensor | None = None
) -> Tensor:
    """Return the summed loss from the log-probabilities of all answers' tokens, before it is divided by the count."""
    # The value is the advantage's and the gradient that of the log-probability: a ratio of new and old ones that is 1.
    surrogate_R = torch.exp(own_R - own_R.detach())
    loss_R = -advantages_A.repeat_interleave(lengths_A) * surrogate_R
    if reference_R is not None:
        further_R = reference_R - own_R
        # Answers are drawn from what is moved, so how likely they are belongs to the gradient of the mean, too.
        loss_R = loss_R + config.beta * surrogate_R * (further_R.exp() - further_R - 1)
    if config.kind == "grpo":
        loss_R = loss_R / lengths_A.repeat_interleave(lengths_A)
    return loss_R.sum()


def count_of(lengths: Sequence[int], config: Config) -> int:
    """Return what the summed loss of some answers is divided by."""
    return {"dapo": sum(lengths), "grpo": len(lengths), "dr_grpo": len(lengths) * config.answer_tokens}[config.kind]


def _open(config: Config, given: Given) -> Reward:
    if config.reward:
        return open_reward(config.reward, config.reward_options)
    return kept_reward(given.folder_with(KEPT, "no reward is named", "ingot.train.trying:tokenize"))


def _seed(decoder: Decoder, config: Config) -> bytes:
    """Return what answers are drawn by: other weights draw others, the same ones the same, also after a resume."""
    bits = bits_of(decoder.parameters())
    return blake2b(f"{config.seed}/{bits}".encode(), digest_size=16).digest()


def _notes(rewards: Sequence[Sequence[float]], memory: Memory) -> list[str]:
    """Say when batch after batch teaches nothing, once every time it begins to."""
    is_alike = all(min(group) == max(group) for group in rewards)
    memory.batches_alike = memory.batches_alike + 1 if is_alike else 0
    if memory.batches_alike != BATCHES_ALIKE:
        return []
    found = sorted({reward for group in rewards for reward in group})
    worth = f"{found[0]:g}" if len(found) == 1 else f"between {found[0]:g} and {found[-1]:g}, alike within each group"
    return [
        f"for {BATCHES_ALIKE} batches in a row all answers to a prompt were worth the same ({worth}), so nothing is "
        "learned. If the rewards are low, teach the form of an answer first (objective supervised), take easier "
        "prompts, more `answers`, or a reward that grades; if they are high, there is nothing left to learn here"
    ]


def _means(rewards: Sequence[Sequence[float]], groups: Sequence[Sequence[Answer]]) -> dict[str, tuple[float, int]]:
    """Return sums and what they are sums over: of rewards, of lengths, and of groups that teach something."""
    answers = sum(map(len, groups))
    lengths = sum(len(each.ids) for group in groups for each in group)
    differing = sum(min(group) != max(group) for group in rewards)
    return {
        "reward": (sum(map(sum, rewards)), answers),
        "answer_tokens": (lengths, answers),
        "differing_groups": (differing, len(groups)),
    }


def _refuse_full(prompts: Sequence[Prompt], context: int) -> None:
    longest = max(prompts, key=lambda each: len(each.ids))
    if len(longest.ids) >= context:
        raise InputError(
            f"a prompt has {len(longest.ids):,} tokens, and the model reads {context:,} at once",
            where=f"the prompt whose expected answer is {longest.expected[:80]!r}",
            why="there is no room for an answer",
            fix="make the prompts anew with a smaller `row_tokens`, which leaves it out, or take a longer model",
        )


def _refused(what: str, fix: str) -> UsageError:
    return UsageError(what, where="objective policy_gradient", fix=fix)
