"""The step that takes in a model others made: a Hugging Face folder becomes a checkpoint to go on from.

Copied are weights in safetensors, settings, the tokenizer and the licence; nothing that could hold code is, and a
model that needs such is refused with what to do instead. Every tensor is read once: a name, shape or number that is not
what config.json promises is found now and not hours into a training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ingot.core.config import literals
from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact
from ingot.flow.source import SourceItem
from ingot.flow.step import Facts, StepContext
from ingot.model.config import ModelConfig
from ingot.model.convert import read_config, weights
from ingot.tokenizer.adopt import take
from ingot.tokenizer.codec import read_tokenizer
from ingot.tokenizer.splitting import recognise, recognise_published
from ingot.tokenizer.transfer import check_bytes
from ingot.tokenizer.vocabulary import BOS, EOS, PAD, TURN_END, TURN_START
from ingot.train.config import ImportConfig

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.h5", "*.msgpack")
_FRAMES = (BOS, EOS, PAD, TURN_START, TURN_END)
_ADAPTERS = "adapter_config.json"
_AT_ONCE = 1 << 24


def take_in(config: ImportConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Copy a model from the sources, and check all of it.

    Raises InputError for code of its own, pickles, quantised weights, settings the decoder does not compute, weights
    that are not what config.json says, and a tokenizer that cannot be read.
    """
    taken, left_out = take(context)
    where = ", ".join(item.locator for _, snapshot in context.sources.items() for item in snapshot.items[:1])
    _refuse_what_is_no_model(taken, left_out, str(Path(where).parent))
    sizes = read_config(context.folder)
    precision = _check_weights(context.folder, sizes)
    tokenizer = _tokenizer_facts(context.folder, sizes)
    for text in tokenizer.pop("notes"):
        context.emit("warning", text=text)
    return {
        "model": literals(sizes),
        "layout": sizes.layout,
        "parameters": sizes.parameters,
        "precision": precision,
        **tokenizer,
        "files": sorted(taken),
        "left_out": sorted(left_out),
        "bytes": sum(item.bytes for item in taken.values()),
    }


def _refuse_what_is_no_model(taken: Mapping[str, SourceItem], left_out: Sequence[str], where: str) -> None:
    if any(name.endswith(".safetensors") for name in taken) and "config.json" in taken:
        return
    pickles = [name for name in left_out if any(fnmatchcase(name, pattern) for pattern in _PICKLES)]
    if _ADAPTERS in left_out:
        raise InputError(
            "this folder holds adapters, not a model",
            where=where,
            why="adapters change a model that is somewhere else",
            fix="import that model, then merge them in (ingot.train.merging:merge)",
        )
    if pickles:
        raise InputError(
            f"the model's weights are a pickle ({pickles[0]}), which is never opened",
            where=where,
            why="reading a pickle runs whatever its writer put into it",
            fix="take the model's safetensors from where it came, or have its writer save it with save_pretrained",
        )
    raise InputError(
        "this folder holds no model that can be taken in",
        where=where,
        why="there must be a config.json and weights in safetensors",
        fix="name the folder that save_pretrained wrote, or a snapshot of the model's repository",
    )


def _check_weights(folder: Path, sizes: ModelConfig) -> str:
    """Read every tensor once; return how most numbers are written."""
    counts: dict[str, int] = {}
    for (name, expert), tensor in weights(folder, sizes):
        if not _is_finite(tensor):
            raise InputError(
                f"the weight {name}{'' if expert is None else f' of expert {expert}'} holds numbers that are none",
                where=str(folder),
                why="one NaN or infinity makes every answer one",
                fix="take the model again from where it came; if it is the same there, it cannot be used",
            )
        kind = str(tensor.dtype).removeprefix("torch.")
        counts[kind] = counts.get(kind, 0) + tensor.numel()
    return max(counts, key=counts.__getitem__)


def _is_finite(tensor: Tensor) -> bool:
    # In parts: to ask takes a byte for each number.
    return all(bool(part.isfinite().all()) for part in torch.split(tensor.flatten(), _AT_ONCE))


def _tokenizer_facts(folder: Path, sizes: ModelConfig) -> dict[str, Any]:
    tokenizer = read_tokenizer(folder)
    tokens = tokenizer.get_vocab_size()
    if tokens > sizes.vocabulary:
        raise InputError(
            f"the tokenizer has {tokens} tokens, the model rows for {sizes.vocabulary}",
            where=str(folder),
            why="ids beyond the model's vocabulary have no embedding",
            fix="take the tokenizer and the weights from the same model",
        )
    missing = [token for token in _FRAMES if tokenizer.token_to_id(token) is None]
    notes, splitting = [], None
    try:
        check_bytes(tokenizer)
        content = json.loads(tokenizer.to_str())
        rule = recognise(content) or recognise_published(content)
        splitting = rule.name if rule else None
    except InputError as error:
        notes.append(f"its vocabulary can neither be extended nor moved: {error.why}")
    if missing:
        notes.append(f"its tokenizer lacks {', '.join(missing)}: extend it before training (docs: continue-training)")
    return {"vocabulary": tokens, "splitting": splitting, "missing_tokens": missing, "notes": notes}
