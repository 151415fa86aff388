"""What a training leaves behind: its model folder, written whole or in turn by those who hold a part, and its facts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from ingot.core.storage import fsync_tree
from ingot.flow.artifact import Artifact
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.train.adapters import attach, save_adapters
from ingot.train.beginning import START
from ingot.train.config import PretrainConfig
from ingot.train.heads import publish_head
from ingot.train.journal import read_curve
from ingot.train.objective import Head
from ingot.train.parallel.writing import write_in_turn
from ingot.train.publishing import copy_tokenizer, model_facts
from ingot.train.state import TrainingState

_LAST_SHARE = 0.05  # of the steps, over which the final loss is the mean


def whole(state: TrainingState, config: PretrainConfig, head: Head | None = None) -> Decoder | None:
    """Return the decoder as one, on rank 0; None elsewhere. All ranks must ask."""
    if state.placement.ranks.size == 1:
        return state.decoder
    weights = state.placement.whole_weights(state.decoder)
    if state.placement.ranks.rank:
        for _ in weights:
            pass
        return None
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        decoder = Decoder(config.model, state.decoder.dtype)
        if config.adapters is not None:
            attach(decoder, config.adapters)
        if head is not None:
            head.put_on(decoder)
    decoder.load_state_dict(dict(weights), assign=True)
    return decoder


def publish_trained(
    decoder: Decoder,
    config: PretrainConfig,
    codec: Codec,
    inputs: Mapping[str, Artifact],
    folder: Path,
    head: Head | None = None,
) -> None:
    """Write the model folder, or that of its adapters: weights and settings, and beside them the tokenizer's files."""
    copy_tokenizer(inputs["tokenizer"].path, folder)
    if config.adapters is not None:
        save_adapters(decoder.cpu(), config.adapters, folder, inputs[START].reference)
    elif head is not None:
        round_to_half(decoder)
        publish_head(head, decoder.cpu(), codec, folder, config.sequence_length)
    else:
        round_to_half(decoder)
        save(decoder.cpu(), folder, _special(codec))
    fsync_tree(folder)


def publish_in_turn(state: TrainingState, codec: Codec, inputs: Mapping[str, Artifact], folder: Path) -> None:
    """Write the model folder of a decoder that lies in parts, without ever having all of it in one process."""
    write_in_turn(state.placement, state.decoder, folder, _special(codec), _rounded)
    if state.placement.ranks.rank == 0:
        copy_tokenizer(inputs["tokenizer"].path, folder)
        fsync_tree(folder)


def _special(codec: Codec) -> SpecialTokens:
    return SpecialTokens(bos=codec.bos, ends=(codec.eos, codec.end_of_turn), pad=codec.pad)


def round_to_half(decoder: Decoder) -> None:
    """Round the matrices to numbers that f16 can hold, in place; they stay fp32.

    What is evaluated afterwards is then, weight for weight, what an f16 export holds, so an export can be proved equal
    instead of close. A number too large for f16 stays as it is.
    """
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.copy_(_rounded(weight))


def _rounded(weight: Tensor) -> Tensor:
    if weight.ndim < 2:
        return weight
    rounded = weight.half().float()
    return torch.where(rounded.isfinite(), rounded, weight)


def training_facts(state: TrainingState, curve: Path) -> dict[str, Any]:
    """Return what a training came to: sizes, steps, its last losses, and how it was computed."""
    lines = read_curve(curve)
    last = [line["loss"] for line in lines[-max(1, round(len(lines) * _LAST_SHARE)) :] if "loss" in line]
    told = ("step", "tokens", "learning_rate", "loss", "gradient_norm", "skipped")
    return {
        **model_facts(state.decoder),
        "steps": state.step,
        "tokens": state.tokens,
        "final_loss": round(fmean(last), 4) if last else None,
        "tokens_per_second": round(state.tokens / state.seconds, 1),
        "seconds": round(state.seconds, 1),
        "skipped_steps": sum("skipped" in line for line in lines),
        "batches_left_out": state.batch - state.step,
        "precision": state.precision,
        "compiled": state.is_compiled,
        "threads": state.threads,
        "device": state.device.type,
        **{name: value for line in lines[-1:] for name, value in line.items() if name not in told},
    }
