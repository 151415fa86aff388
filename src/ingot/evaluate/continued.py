"""What going on from a model brought, and what it cost: the same texts, scored before and after.

A training that went on from a model has it among its inputs as `start`, already with the same vocabulary. Text that the
model knew, where there is some, is the held-out part of `old-dataset`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ingot.evaluate.bits import document_bits
from ingot.evaluate.config import EvaluateConfig
from ingot.evaluate.held_out import Text, held_out_texts
from ingot.flow.artifact import Artifact
from ingot.model.convert import load
from ingot.tokenizer.codec import Codec

START, OLD = "start", "old-dataset"


@dataclass(frozen=True)
class Continued:
    """Bits per byte of the model it went on from, on new text, and of both models on old text where there is some."""

    start: str
    before: float
    old_before: float | None = None
    old_after: float | None = None

    def as_facts(self) -> dict[str, Any]:
        """Return the figures as JSON literals."""
        figures = {
            "before_bits_per_byte": self.before,
            "old_before_bits_per_byte": self.old_before,
            "old_bits_per_byte": self.old_after,
        }
        return {"start": self.start, **{name: round(value, 4) for name, value in figures.items() if value is not None}}


def compare(texts: Sequence[Text], config: EvaluateConfig, inputs: Mapping[str, Artifact]) -> Continued | None:
    """Score the model a training began with; None when it began with random weights."""
    if START not in inputs:
        return None
    before = total(texts, inputs[START].path, inputs, config)
    if OLD not in inputs:
        return Continued(inputs[START].reference, before)
    old = held_out_texts(inputs[OLD].path, config.held_out_bytes)
    both = [total(old, inputs[name].path, inputs, config) for name in (START, "checkpoint")]
    return Continued(inputs[START].reference, before, *both)


def total(texts: Sequence[Text], model: Path, inputs: Mapping[str, Artifact], config: EvaluateConfig) -> float:
    """Return the bits per byte of all texts together."""
    return float(model_bits(texts, model, inputs, config).sum() / sum(text.bytes for text in texts))


def model_bits(
    texts: Sequence[Text], model: Path, inputs: Mapping[str, Artifact], config: EvaluateConfig
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the bits a model needs for each text."""
    codec = Codec.load(inputs["tokenizer"].path)
    decoder = load(model).eval()
    stride = max(int(decoder.config.context * config.stride_share), 1)
    return document_bits(decoder, codec.encode_batch([text.text for text in texts]), codec.bos, stride)
