"""A real model, very small: a vocabulary learned from the interpreter's sources and a decoder with drawn weights."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write

CONTEXT = 96


def sizes(vocabulary: int, has_qk_norm: bool = True, has_tied_embeddings: bool = True) -> ModelConfig:
    return ModelConfig(
        vocabulary=vocabulary,
        width=32,
        layers=2,
        heads=4,
        kv_heads=2,
        head_width=16,
        ffn_width=64,
        has_qk_norm=has_qk_norm,
        has_tied_embeddings=has_tied_embeddings,
        context=CONTEXT,
    )


def make_model(
    folder: Path, has_qk_norm: bool = True, has_tied_embeddings: bool = True, terms: Sequence[str] = ()
) -> Path:
    """Write a model folder. Weights are drawn larger than for training, so that answers differ from token to token."""
    folder.mkdir(parents=True, exist_ok=True)
    write(learn([Path(ast.__file__).read_text(encoding="utf-8")], 512, terms=terms), folder)
    codec = Codec.load(folder)
    torch.manual_seed(7)
    decoder = Decoder(sizes(codec.vocabulary, has_qk_norm, has_tied_embeddings))
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.mul_(6.0 if weight.ndim == 2 else 1.0)
    save(decoder, folder, SpecialTokens(codec.bos, (codec.eos, codec.end_of_turn), codec.pad))
    return folder


def make_variant(base: Path, folder: Path, **changes: object) -> Path:
    """Write a model of other sizes with the vocabulary of an existing one; weights are drawn as `make_model` does."""
    folder.mkdir(parents=True)
    for path in base.iterdir():
        if path.name.startswith(("tokenizer", "special", "chat")):
            shutil.copyfile(path, folder / path.name)
    codec = Codec.load(folder)
    torch.manual_seed(7)
    decoder = Decoder(replace(sizes(codec.vocabulary), **changes))
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.mul_(6.0 if weight.ndim >= 2 else 1.0)
    save(decoder, folder, SpecialTokens(codec.bos, (codec.eos, codec.end_of_turn), codec.pad))
    return folder
