"""Where a training's first weights come from: drawn from the seed, or read from the input `start`.

A start is a model folder with its tokenizer: a checkpoint or model of your own, one that was imported, moved to another
vocabulary or grown. Its weights come without the optimiser's memory, so the learning rate warms up again (Ibrahim et
al., 2024, "Simple and scalable strategies to continually pre-train large language models").
What the weights are for must agree: sizes and tokenizer. What changes no weight (the context, rotary scaling, the
window, how experts are balanced) may differ: that is how a model gets a longer context.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

import torch

from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.model.convert import read_config, weights
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec, read_tokenizer
from ingot.train.adapters import attach
from ingot.train.config import PretrainConfig
from ingot.train.width import scale_first_weights

START = "start"
# Of a ModelConfig: what training may do otherwise with the same weights.
_FREE = frozenset(
    (
        *("context", "rope_theta", "rope_scaling", "sliding_window", "full_attention_layers"),
        *("balance", "balance_loss", "balance_step", "router_z_loss"),
        "vocabulary",  # follows the start, which may have more rows than its tokenizer has tokens
    )
)


def start_of(inputs: Mapping[str, Artifact]) -> Path | None:
    """Return the folder a training begins from; None when its weights are drawn."""
    return inputs[START].path if START in inputs else None


def settle(config: PretrainConfig, codec: Codec, start: Path | None) -> PretrainConfig:
    """Return the config with as many rows in the model's vocabulary as its weights will have.

    Without a start a row for every token and no more: a text too small to fill the planned vocabulary gave a smaller
    tokenizer. Raises InputError when the start has other sizes or another tokenizer, UsageError for adapters with none.
    """
    if start is None:
        if config.adapters is not None:
            raise UsageError(
                "adapters have no weights to stand beside",
                where="training config, option adapters",
                why="random weights that stay as they are would never become a model",
                fix="give the step an input `start`, or leave `adapters` out",
            )
        return replace(config, model=replace(config.model, vocabulary=codec.vocabulary))
    found = read_config(start)
    _refuse_other_sizes(config.model, found, start)
    _refuse_other_tokenizer(codec, start)
    return replace(config, model=replace(config.model, vocabulary=found.vocabulary))


def first_decoder(config: PretrainConfig, dtype: torch.dtype, start: Path | None) -> Decoder:
    """Return the decoder before the first step, on the processor: what is drawn is drawn from the seed.

    Drawn there whatever the device, so that a seed means the same weights everywhere. Raises InputError for a start
    that cannot be read.
    """
    torch.manual_seed(config.seed)
    decoder = Decoder(config.model, dtype)
    if start is None:
        scale_first_weights(decoder, config)
    else:
        read_weights(decoder, start)
    return decoder if config.adapters is None else attach(decoder, config.adapters)


@torch.no_grad()
def read_weights(decoder: Decoder, folder: Path) -> None:
    """Fill a decoder with a folder's weights, one tensor in memory at a time; balance biases are left as they are."""
    own = decoder.state_dict()
    for (name, expert), tensor in weights(folder, decoder.config):
        (own[name] if expert is None else own[name][expert]).copy_(tensor)


def _refuse_other_sizes(wanted: ModelConfig, found: ModelConfig, start: Path) -> None:
    names = [field.name for field in fields(ModelConfig) if field.name not in _FREE]
    differing = [name for name in names if getattr(wanted, name) != getattr(found, name)]
    if differing:
        told = ", ".join(f"{name} {getattr(found, name)} (asked: {getattr(wanted, name)})" for name in differing)
        raise InputError(
            "the model to start from has other sizes than the one to train",
            where=str(start),
            why=f"its weights do not fit: it has {told}",
            fix="write `fields: {model: start.model}` in the recipe, or grow the model first (ingot.train.growth:grow)",
        )


def _refuse_other_tokenizer(codec: Codec, start: Path) -> None:
    known, used = read_tokenizer(start).get_vocab(), codec.tokenizer.get_vocab()
    if known != used:
        one = next(iter(sorted(known.items() ^ used.items())))
        raise InputError(
            "the model to start from reads other tokens than those it would be trained on",
            where=str(start),
            why=f"the same id stands for different text, beginning with {one[0]!r}",
            fix="tokenise with the tokenizer of the start, or move it first (ingot.train.vocabulary:move)",
        )
