"""The learning rate over a training: climb, stay, fall; and Muon's momentum, which grows at the start.

Warm-up, stable, decay (Hu et al., 2024, "MiniCPM", section 4): the long flat part makes the rate independent of where
the end lies, and most of the last gain comes from the linear fall to zero (Bergsma et al., 2025). The cosine falls from
the warm-up on (Loshchilov and Hutter, 2017, "SGDR", without restarts): what many published trainings did, and what to
take to compare with them.
"""

from __future__ import annotations

import math

from ingot.train.config import Shape


def rate_at(step: int, steps: int, warmup_steps: int, decay_fraction: float, shape: Shape = "wsd") -> float:
    """Return the share of the peak rate, above 0 and at most 1, that step `step` (counted from 0) uses.

    A cosine knows no `decay_fraction`: all that follows the warm-up is its fall.

    >>> [rate_at(step, 10, 2, 0.4) for step in (0, 1, 5, 6, 8, 9)]
    [0.5, 1.0, 1.0, 1.0, 0.5, 0.25]
    >>> [round(rate_at(step, 10, 2, 0.4, "cosine"), 2) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.04]
    """
    climb = (step + 1) / warmup_steps if step < warmup_steps else 1.0
    if shape == "cosine":
        return climb if step < warmup_steps else _half_wave((step - warmup_steps) / (steps - warmup_steps))
    decay_steps = round(steps * decay_fraction)
    fall = (steps - step) / decay_steps if steps - step < decay_steps else 1.0
    return min(climb, fall)


def _half_wave(done: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * done))


def momentum_at(step: int) -> float:
    """Return Muon's momentum: 0.85 at first, 0.95 from step 300 on (Jordan et al., 2024, modded-nanogpt).

    A long memory of gradients is worth little while the weights still change a lot.
    """
    return 0.85 + 0.10 * min(1.0, step / 300)
