"""A decoder becomes a model folder: weights, settings, and the tokenizer of the folder it came from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from ingot.core.config import literals
from ingot.core.errors import InputError
from ingot.core.storage import fsync_tree, room_on_disk
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.train import TOKENIZER_FILES

# Beside what Ingot writes, what other programs keep a vocabulary in.
_TOKENIZER = (*TOKENIZER_FILES, "added_tokens.json", "vocab.json", "merges.txt")
_SETTINGS = ("config.json", "generation_config.json")


def publish(decoder: Decoder, source: Path, folder: Path) -> None:
    """Write a decoder as a model folder with the tokenizer and the special tokens of the model in `source`."""
    save(decoder, folder, special_tokens(source))
    copy_tokenizer(source, folder)
    fsync_tree(folder)


def copy_tokenizer(source: Path, folder: Path) -> None:
    """Copy a tokenizer's files, and nothing else that lies beside them."""
    with room_on_disk(folder):
        for name in _TOKENIZER:
            if (source / name).is_file():
                shutil.copy(source / name, folder / name)


def special_tokens(folder: Path) -> SpecialTokens:
    """Read which ids a model's texts begin and end with. Raises InputError when its folder does not say."""
    fields: dict[str, Any] = {}
    try:
        for name in _SETTINGS:  # the second overrides the first, as in transformers
            if (folder / name).is_file():
                told = json.loads((folder / name).read_text(encoding="utf-8"))
                fields |= {key: value for key, value in told.items() if value is not None}
        ends = fields["eos_token_id"]
        ends = tuple(ends) if isinstance(ends, list) else (int(ends),)
        # Bases without a mark at the beginning begin where another text ended.
        return SpecialTokens(int(fields.get("bos_token_id", ends[0])), ends, int(fields.get("pad_token_id", ends[0])))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            "the model does not say which tokens end a text",
            where=str(folder / _SETTINGS[0]),
            why=f"without eos_token_id it would never stop ({type(error).__name__}: {error})",
            fix="add eos_token_id to config.json, as the model's card gives it",
        ) from error


def model_facts(decoder: Decoder) -> dict[str, Any]:
    """Return what a later step's config takes from a model: its sizes as literals."""
    return {"parameters": decoder.config.parameters, "model": literals(decoder.config)}
