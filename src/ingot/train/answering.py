"""Answers that were drawn, read again as a training reads: packed into rows, one log-probability for every token.

Shapes: B rows, T tokens, S all tokens of the rows, R tokens of all answers, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ingot.data.stream import IGNORED
from ingot.model.decoder import Decoder
from ingot.train.log_probabilities import log_probabilities

# Short texts share rows of this many tokens; a longer one has a row as long as it is.
_ROW = 512

# A prompt and what was answered, as ids.
Answered = tuple[Sequence[int], Sequence[int]]


@dataclass(frozen=True, eq=False)
class Rows:
    """Texts in rows: which tokens are in an answer, and of these, in the order of the rows, whose each is.

    `place_R` says where each stands among all answers' tokens, one answer after the other.
    """

    tokens_BT: Tensor
    segments_BT: Tensor
    targets_S: Tensor
    place_R: Tensor


def in_rows(texts: Sequence[Answered], pad: int, device: torch.device) -> Rows:
    """Put texts into rows, each whole in the first one with room."""
    sizes = [len(prompt) + len(answer) for prompt, answer in texts]
    room = max(_ROW, *sizes)
    rows, used = list[list[int]](), list[int]()
    for number, size in enumerate(sizes):
        at = next((at for at, taken in enumerate(used) if taken + size <= room), len(rows))
        if at == len(rows):
            rows.append([])
            used.append(0)
        rows[at].append(number)
        used[at] += size
    shape = len(rows), max(used)
    tokens, targets, segments = torch.full(shape, pad), torch.full(shape, IGNORED), torch.zeros(shape).int()
    place, before = torch.zeros(shape).long(), [0]
    for _, answer in texts:
        before.append(before[-1] + len(answer))
    for row, numbers in enumerate(rows):
        begin = 0
        for at, number in enumerate(numbers):
            prompt, answer = texts[number]
            tokens[row, begin : begin + sizes[number]] = torch.tensor([*prompt, *answer])
            said = slice(begin + len(prompt) - 1, begin + sizes[number] - 1)
            targets[row, said] = torch.tensor(answer)
            place[row, said] = torch.arange(before[number], before[number + 1])
            segments[row, begin:] = at
            begin += sizes[number]
    place_R = place[targets != IGNORED]
    return Rows(*(each.to(device) for each in (tokens, segments, targets.flatten(), place_R)))


def read_again(decoder: Decoder, rows: Rows, temperature: float = 1.0) -> Tensor:
    """Return the log-probabilities of all answers' tokens, one answer after the other, in nats and float32: [R]."""
    hidden_BTD = decoder(rows.tokens_BT, rows.segments_BT)
    # Logits are linear in the state, so to divide one divides the other.
    hidden_BTD = hidden_BTD if temperature == 1.0 else hidden_BTD / temperature
    found_R = log_probabilities(hidden_BTD.flatten(0, 1), decoder.head_weight, rows.targets_S)
    return found_R[rows.place_R.argsort()]
