"""How good a model will be: bits per byte on held-out text, forecast from its size and the text it will have seen.

The form is Hoffmann et al. (2022): an irreducible part, a part that falls with the size of the model, and a part that
falls with the amount of text. Text read again counts for less (Muennighoff et al. 2023, section 5). The constants
were fitted to fifteen short trainings of 0.4 to 4 million parameters on source code, within 5%
(docs/decisions/0003-small-budgets-want-small-models.md): good for choosing between sizes, a rough guess for any one
corpus, which the band says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.model.config import ModelConfig
from ingot.plan.config import MeasuredVocabulary
from ingot.plan.scaling import VOCABULARIES

IRREDUCIBLE = 0.80
SIZE_FACTOR, SIZE_POWER = 12.8, 0.30
DATA_FACTOR, DATA_POWER = 60.8, 0.30
# A share of the forecast. The fit itself is within 5%; other text is easier or harder by more than that.
BAND = 0.25
# Readings after which repeating the same text has given most of what it can.
REPEAT_CONSTANT = 15.0
# UTF-8 bytes one token covers on average, for each vocabulary of the ladder; measured up to 16384 on source code.
BYTES_PER_TOKEN = (2.2, 2.6, 3.1, 3.5, 3.8, 4.0, 4.2, 4.4, 4.6)


@dataclass(frozen=True)
class Forecast:
    """Expected bits per byte on held-out text, and the band it will probably fall in."""

    bits_per_byte: float
    low: float
    high: float


def bytes_per_token(vocabulary: int, measured: Sequence[MeasuredVocabulary] = ()) -> float:
    """Return the bytes of text a token covers on average with a vocabulary of this size.

    Between sizes that were `measured`, and beyond them, the usual figures are scaled to agree with those that were.
    """
    usual = _usual_bytes_per_token(vocabulary)
    if not measured:
        return usual
    sizes = sorted(measured, key=lambda one: one.vocabulary)
    scales = [one.bytes_per_token / _usual_bytes_per_token(one.vocabulary) for one in sizes]
    return usual * float(np.interp(math.log2(vocabulary), [math.log2(one.vocabulary) for one in sizes], scales))


def _usual_bytes_per_token(vocabulary: int) -> float:
    place = math.log2(max(vocabulary, VOCABULARIES[0]) / VOCABULARIES[0])
    below = min(int(place), len(BYTES_PER_TOKEN) - 2)
    step = BYTES_PER_TOKEN[below + 1] - BYTES_PER_TOKEN[below]
    return BYTES_PER_TOKEN[below] + step * min(place - below, 1.0)


def fresh_bytes(tokens: float, train_bytes: int, token_bytes: float) -> float:
    """Return the bytes of never-seen text that reading this many tokens is worth, repeats discounted."""
    seen = tokens * token_bytes
    if seen <= train_bytes:
        return seen
    repeats = seen / train_bytes - 1
    return train_bytes * (1 + REPEAT_CONSTANT * (1 - math.exp(-repeats / REPEAT_CONSTANT)))


def size_part(model: ModelConfig) -> float:
    """Return the bits per byte lost to the model being no larger."""
    return float(SIZE_FACTOR * model.parameters**-SIZE_POWER)


def data_part(seen_bytes: float) -> float:
    """Return the bits per byte lost to having seen no more text."""
    return float(DATA_FACTOR * max(seen_bytes, 1.0) ** -DATA_POWER)


def forecast(model: ModelConfig, tokens: float, train_bytes: int, token_bytes: float = 0.0) -> Forecast:
    """Return the forecast for training this model on this many tokens of a text of `train_bytes`.

    A token covers `token_bytes` of it; 0 takes the usual figure.
    """
    seen = fresh_bytes(tokens, train_bytes, token_bytes or bytes_per_token(model.vocabulary))
    # A model that has learned nothing needs 8 bits for a byte: the law is not for there.
    expected = min(IRREDUCIBLE + size_part(model) + data_part(seen), 8.0)
    return Forecast(expected, expected * (1 - BAND), min(expected * (1 + BAND), 8.0))
