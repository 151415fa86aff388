"""Rollouts: answers drawn from the model in training, many at once, the same ones whenever they are drawn again.

Prompts of about the same length go together without padding: all rows take a step at a time, and a row whose prompt
goes on takes its next token instead of one that is drawn (as the reference code of LLaMA does). What is drawn depends
on the weights, the prompt and the seed alone, so neither how prompts are grouped nor a stop and a resume changes it:
each prompt has its own uniform numbers, and each number picks a token from the cumulated probabilities.

Shapes: R rows, T tokens, L tokens of an answer, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import torch
from torch import Tensor

from ingot.model.cache import Cache
from ingot.model.decoder import Decoder
from ingot.model.fusing import fused
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec

# Of one forward pass: more rows cost memory for their keys and values, and are hardly faster.
_ROWS = 256
# Longer prompts take this many steps alone at most while shorter ones are being answered already.
_SPREAD = 16


@dataclass(frozen=True)
class Answer:
    """The ids of an answer, its end mark included where there is one, and what the model thought of each, in nats."""

    ids: tuple[int, ...]
    log_probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Drawing:
    """How answers are drawn: so many to each prompt, of so many tokens at most; temperature 0 takes the likeliest."""

    answers: int = 8
    tokens: int = 64
    temperature: float = 1.0


def draw(
    decoder: Decoder, prompts: Sequence[Sequence[int]], codec: Codec, drawing: Drawing, seed: bytes
) -> list[list[Answer]]:
    """Return the answers to each prompt. A prompt must leave room for one token in the model's context."""
    found: dict[int, list[Answer]] = {}
    # Compiled code has fixed shapes, and these change with every token.
    with torch.no_grad(), fused(False):
        for group in _groups(prompts, drawing.answers):
            rows = [prompts[number] for number in group for _ in range(drawing.answers)]
            uniform_RL = torch.cat([_uniform(prompts[number], drawing, seed) for number in group])
            told = iter(_together(decoder, rows, uniform_RL, codec, drawing))
            found |= {number: [next(told) for _ in range(drawing.answers)] for number in group}
    return [found[number] for number in range(len(prompts))]


def _groups(prompts: Sequence[Sequence[int]], answers: int) -> Iterator[list[int]]:
    """Yield the numbers of prompts that are answered together."""
    group: list[int] = []
    for number in sorted(range(len(prompts)), key=lambda each: len(prompts[each])):
        is_full = (len(group) + 1) * answers > _ROWS
        if group and (is_full or len(prompts[number]) > len(prompts[group[0]]) + _SPREAD):
            yield group
            group = []
        group.append(number)
    if group:
        yield group


def _uniform(prompt: Sequence[int], drawing: Drawing, seed: bytes) -> Tensor:
    written = b"".join(token.to_bytes(8, "little") for token in prompt)
    number = int.from_bytes(blake2b(written, key=seed[:64], digest_size=8).digest(), "little")
    generator = torch.Generator().manual_seed(number >> 1)
    return torch.rand(drawing.answers, drawing.tokens, dtype=torch.float64, generator=generator)


def _together(
    decoder: Decoder, prompts: Sequence[Sequence[int]], uniform_RL: Tensor, codec: Codec, drawing: Drawing
) -> Iterator[Answer]:
    device = decoder.head_weight.device
    lengths = [len(prompt) for prompt in prompts]
    lengths_R = torch.tensor(lengths, device=device)
    ends_R = (lengths_R + drawing.tokens).clamp(max=decoder.config.context)
    room = int(ends_R.max())
    tokens_RT = torch.full((len(prompts), room), codec.pad, device=device)
    for row, prompt in enumerate(prompts):
        tokens_RT[row, : len(prompt)] = torch.tensor(prompt, device=device)
    log_RT = torch.zeros(tokens_RT.shape, device=device)
    uniform_RL, stops = uniform_RL.to(device), torch.tensor(sorted(stop_ids(codec)), device=device)
    cache = Cache(decoder.config, room, len(prompts), decoder.dtype, device)
    read, place = 0, min(lengths)
    while True:
        hidden_RTD = decoder(tokens_RT[:, read:place], cache=cache)
        # Rows beyond the vocabulary only fill the table up.
        logits_RV = decoder.logits(hidden_RTD[:, -1])[:, : codec.vocabulary].float()
        at_R1 = (place - lengths_R).clamp(0, drawing.tokens - 1)[:, None]
        drawn_R, found_R = _choose(logits_RV, uniform_RL.gather(1, at_R1), drawing.temperature)
        is_said_R = (lengths_R <= place) & (place < ends_R)
        tokens_RT[:, place] = torch.where(is_said_R, drawn_R, tokens_RT[:, place])
        log_RT[:, place] = torch.where(is_said_R, found_R, log_RT[:, place])
        ends_R = torch.where(is_said_R & torch.isin(drawn_R, stops), place + 1, ends_R)
        read, place = place, place + 1
        if bool((ends_R <= place).all()):
            break
    for row, (begin, end) in enumerate(zip(lengths, ends_R.tolist(), strict=True)):
        yield Answer(tuple(tokens_RT[row, begin:end].tolist()), tuple(log_RT[row, begin:end].tolist()))


def _choose(logits_RV: Tensor, uniform_R1: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Return the token each uniform number picks, and its log-probability at this temperature."""
    if not temperature:
        found_R = logits_RV.log_softmax(-1).max(-1)
        return found_R.indices, found_R.values
    log_RV = (logits_RV / temperature).log_softmax(-1)
    # Summed in float64: in float32 the tail of a large vocabulary would be lost.
    sums_RV = log_RV.double().exp().cumsum(-1)
    drawn_R1 = torch.searchsorted(sums_RV, uniform_R1 * sums_RV[:, -1:], right=True)
    drawn_R1 = drawn_R1.clamp(max=logits_RV.size(-1) - 1)
    return drawn_R1.squeeze(1), log_RV.gather(1, drawn_R1).squeeze(1)
