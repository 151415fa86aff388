"""A training whose objective has a head of its own: it is put on before the first step, and written at the end.

What others need to read texts as the training did is written with it: a tokenizer that frames a text with its two marks
and knows how long one may be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tokenizers.processors import TemplateProcessing

from ingot.core import plugins
from ingot.core.config import load
from ingot.core.errors import UsageError
from ingot.core.storage import write_atomically
from ingot.flow.artifact import Artifact
from ingot.model.convert import SpecialTokens
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec, read_tokenizer
from ingot.train.config import PretrainConfig
from ingot.train.objective import Given, Head

_SETTINGS = "tokenizer_config.json"


def head_of(config: PretrainConfig, inputs: Mapping[str, Artifact]) -> Head | None:
    """Return the head of the config's objective, if it has one. Raises UsageError for adapters beside it."""
    plugin = plugins.load("objective", config.objective)
    make = plugin.other("head")
    if make is None:
        return None
    if config.adapters is not None:
        raise UsageError(
            f"adapters cannot be trained with the objective {config.objective!r}",
            where="training config, option adapters",
            why="a folder of adapters has no place for what stands on the decoder instead of its head",
            fix="leave `adapters` out: a lower learning_rate keeps more of the model",
        )
    options = load(plugin.config_type, config.objective_options, f"options of objective {config.objective!r}")
    head: Head = make(options, Given({name: made.path for name, made in inputs.items()}))
    return head


def publish_head(head: Head, decoder: Decoder, codec: Codec, folder: Path, longest: int) -> None:
    """Write the model folder of a decoder with its head; the tokenizer's files are there."""
    # Other programs pad after the text and look where that begins: the first filling must not be the end mark.
    special = SpecialTokens(bos=codec.bos, ends=(codec.eos,), pad=codec.pad)
    head.save(decoder, folder, special, longest)
    _frame(codec, folder, longest)


def _frame(codec: Codec, folder: Path, longest: int) -> None:
    """Make the folder's tokenizer put both marks around every text."""
    tokenizer = read_tokenizer(folder)
    bos, eos = (tokenizer.id_to_token(mark) for mark in (codec.bos, codec.eos))
    tokenizer.post_processor = TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {bos}:1 $B:1 {eos}:1",
        special_tokens=[(bos, codec.bos), (eos, codec.eos)],
    )
    write_atomically(folder / "tokenizer.json", tokenizer.to_str(pretty=True))
    settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8")) if (folder / _SETTINGS).exists() else {}
    settings = {name: value for name, value in settings.items() if name not in ("add_bos_token", "add_eos_token")}
    settings |= {"model_max_length": longest, "padding_side": "right"}
    write_atomically(folder / _SETTINGS, json.dumps(settings, indent=2, sort_keys=True) + "\n")
