"""Small sums as prompts, with a vocabulary, a model of drawn weights and shards: what rollouts are tested on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from ingot.data.prompts import Config, tokenize
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from ingot.train.publishing import copy_tokenizer
from tests.data.labelled import reading, snapshot
from tests.train.small import artifact

ROW = 128
SUMS = [(a, b) for a in range(8) for b in range(8)]


def make_sums(place: Path) -> Mapping[str, Artifact]:
    """Write tokenizer, model and shards of prompts."""
    for name in ("tokenizer", "start"):
        (place / name).mkdir()
    write(learn(["user\nassistant\n" * 20, *(f"{a}+{b}={a + b}" for a, b in SUMS)], 300), place / "tokenizer")
    codec = Codec.load(place / "tokenizer")
    torch.manual_seed(3)
    config = model_config(codec)
    save(Decoder(config), place / "start", SpecialTokens(codec.bos, (codec.eos,), codec.pad))
    copy_tokenizer(place / "tokenizer", place / "start")
    given = {name: artifact(name, place / name) for name in ("tokenizer", "start")}
    source = snapshot(place / "prompts.jsonl", [{"prompt": f"{a}+{b}=", "answer": a + b} for a, b in SUMS])
    tokenize(Config(ROW, 0.0), given, reading(place / "shards", source))
    return {**given, "shards": artifact("shards", place / "shards")}


def model_config(codec: Codec) -> ModelConfig:
    """Return the sizes of a model of that vocabulary."""
    sizes = {"width": 32, "layers": 2, "heads": 4, "kv_heads": 2, "head_width": 8, "ffn_width": 64, "context": ROW}
    return ModelConfig(codec.vocabulary, **sizes)
