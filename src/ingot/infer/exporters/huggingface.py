"""Export a model as a folder for transformers, vLLM and whatever else opens the layouts of the Hugging Face Hub.

Copied are weights in safetensors, settings, tokenizer and chat template, and nothing else: no pickle, no code. Every
tensor is read once, so a name or shape that is not what config.json promises, or a number that is none, is found here.
Weights stay as they are, or are rounded to half precision, one file at a time.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ingot.core.errors import InputError
from ingot.core.storage import room_on_disk
from ingot.model.convert import INDEX, read_config, weights

READER = "transformers"
TYPES = ("f16", "bf16", "f32")
SETTINGS = (
    *("config.json", "generation_config.json", "model.safetensors.index.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"),
)
_DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Config:
    """`type` of all weights in the folder. `name` is not written: a folder is called what it is called."""

    type: Literal["f16", "bf16", "f32"] = "f32"
    name: str = ""


def export(model_folder: Path, out_folder: Path, config: Config) -> None:
    """Write the folder. Raises InputError for weights that are not what the settings say, or that do not fit a type."""
    read_config(model_folder)  # it refuses code of its own, and settings that nothing of ours computes
    dtype = _DTYPES[config.type]
    _check(model_folder, dtype)
    with room_on_disk(out_folder):
        for name in SETTINGS:
            if (model_folder / name).is_file():
                shutil.copyfile(model_folder / name, out_folder / name)
        for path in _files(model_folder):
            save_file(_tensors(path, dtype), out_folder / path.name, metadata={"format": "pt"})
        _say_the_type(out_folder, config.type, dtype)


def _check(folder: Path, dtype: torch.dtype) -> None:
    for (name, _), tensor in weights(folder, read_config(folder)):
        if not bool(tensor.to(dtype).isfinite().all()):
            largest = float(tensor.abs().max())
            raise InputError(
                f"the tensor {name!r} holds {largest:g}, which cannot be written as {dtype}",
                where=str(folder),
                why="it would become infinite and every answer with it",
                fix="export as f32, or as bf16" if largest < float("inf") else "train the model again",
            )


def _files(folder: Path) -> list[Path]:
    if not (folder / INDEX).is_file():
        return [folder / "model.safetensors"]
    named = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()
    return [folder / name for name in sorted(set(named))]


def _tensors(path: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).to(dtype) for name in file.keys()}  # noqa: SIM118 - no mapping


def _say_the_type(folder: Path, kind: str, dtype: torch.dtype) -> None:
    """Write the type where readers look for it, and what the files weigh now."""
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    # Two names are in use for one thing; each program reads the one it knows.
    for name in {"dtype", *({"torch_dtype"} & settings.keys())}:
        settings[name] = str(dtype).removeprefix("torch.")
    (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    if (folder / INDEX).is_file():
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        index["metadata"] = {**index.get("metadata", {}), "total_size": _bytes(folder)}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _bytes(folder: Path) -> int:
    total = 0
    for path in _files(folder):
        with safe_open(path, framework="pt") as file:
            total += sum(file.get_tensor(name).nbytes for name in file.keys())  # noqa: SIM118 - no mapping
    return total
