"""The decoder to and from a Hugging Face folder: config.json, generation_config.json and safetensors.

Weights move one tensor or one file at a time, in both directions: into parameters that hold no memory before, and out
of whatever can give a parameter by name, so that a model that lies in pieces on many machines never has to be whole.
In memory the experts of a layer are one parameter, on disk they are published one by one.
Only safetensors are read: a pickle could run anything.
Format: https://github.com/huggingface/safetensors, and the model files of transformers 5.23.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ingot.core.errors import InputError, UsageError
from ingot.core.storage import room_on_disk, write_atomically
from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.model.layers import undrawn

# `as`: those who open and save models find here what they need.
from ingot.model.layout import SpecialTokens as SpecialTokens
from ingot.model.layout import published_config as published_config
from ingot.model.layout import read_config as read_config

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
MAX_FILE_BYTES = 5_000_000_000
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_MIXTRAL = {"gate_proj": "w1", "down_proj": "w2", "up_proj": "w3"}

# A parameter's name here, and which expert of it; None is the whole of it.
Place = tuple[str, int | None]
Read = Callable[[str], Tensor]


def save(decoder: Decoder, folder: Path, special: SpecialTokens, max_file_bytes: int = MAX_FILE_BYTES) -> None:
    """Write the decoder as a folder transformers opens, in files of at most `max_file_bytes` of weights each.

    Raises UsageError for what no published layout can say.
    """
    tensors = {name: tensor.detach() for name, tensor in decoder.state_dict().items()}
    write(decoder.config, tensors, tensors.__getitem__, folder, special, max_file_bytes)


def write(
    config: ModelConfig,
    like: Mapping[str, Tensor],
    read: Read,
    folder: Path,
    special: SpecialTokens,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> None:
    """Write a folder from parameters that `read` gives by name, holding one file's worth of them at a time.

    `like` is the decoder's state_dict, for names, shapes and dtypes alone: it may be on the meta device.
    """
    _refuse_a_bias(like, read)
    dtype = str(next(iter(like.values())).dtype).removeprefix("torch.")
    fields = published_config(config, special, dtype)
    folder.mkdir(parents=True, exist_ok=True)
    _write_weights(like, read, places(config, like), folder, max_file_bytes)
    _write_json(folder / "config.json", fields)
    _write_json(folder / "generation_config.json", _generation_config(special))


def load(
    folder: Path, dtype: torch.dtype = torch.float32, put: Callable[[Decoder], Decoder] = lambda decoder: decoder
) -> Decoder:
    """Open a folder as a decoder whose weights and arithmetic are in `dtype`. Raises InputError when it cannot.

    `put` changes the decoder before its weights are read: a head stands there whose weights are in the folder.
    """
    config = read_config(folder)
    with torch.device("meta"), undrawn():
        decoder = put(Decoder(config, dtype))
    like = decoder.state_dict()
    tensors = {name: torch.empty(each.shape, dtype=dtype) for name, each in like.items()}
    for (name, expert), tensor in weights(folder, config, like):
        # Copied, not kept: a tensor from a file is the file, and changes when somebody writes over it.
        (tensors[name] if expert is None else tensors[name][expert]).copy_(tensor)
    decoder.load_state_dict(tensors, assign=True)
    return decoder.requires_grad_(True)


def weights(
    folder: Path, config: ModelConfig, like: Mapping[str, Tensor] | None = None
) -> Iterator[tuple[Place, Tensor]]:
    """Yield a folder's tensors one by one, with the parameter each belongs to, after checking names and shapes.

    `like` are the parameters, unless they are a bare decoder's. Each tensor is backed by its file: copy what is kept.
    Raises InputError for a missing, damaged or foreign file.
    """
    if like is None:
        with torch.device("meta"):
            like = Decoder(config).state_dict()
    expected = places(config, like)
    files = _files(folder)
    try:
        _check_names(expected, like, files, config, folder)
        for path in files:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - a safetensors file is no mapping
                    if name in expected:
                        yield expected[name], file.get_tensor(name)
    except (OSError, SafetensorError) as error:
        raise _unreadable(folder, error) from error


def places(config: ModelConfig, like: Mapping[str, Tensor]) -> dict[str, Place]:
    """Return where each published tensor belongs, in the order of the decoder's parameters."""
    found: dict[str, Place] = {}
    for name in like:
        if name.endswith(".balance_bias"):
            continue  # no layout has a place for it; `write` has checked that nothing is lost
        published = name if name.startswith(("lm_head.", "score.")) else f"model.{name}"
        if config.layout == "mixtral":
            published = published.replace(".mlp.", ".block_sparse_moe.")
        stem, _, matrix = published.rpartition(".")
        if not stem.endswith(".experts"):
            found[published] = (name, None)
            continue
        matrix = _MIXTRAL[matrix] if config.layout == "mixtral" else matrix
        found |= {f"{stem}.{expert}.{matrix}.weight": (name, expert) for expert in range(config.experts)}
    return found


def _refuse_a_bias(like: Mapping[str, Tensor], read: Read) -> None:
    biased = [name for name in like if name.endswith(".balance_bias") and bool(read(name).any())]
    if biased:
        raise UsageError(
            "a router's balance bias has no place in a published layout",
            where=biased[0],
            why="without it the tokens would go to other experts, and the folder would answer otherwise",
            fix="train the last steps with balance='loss', starting from these weights without the biases",
        )


def _generation_config(special: SpecialTokens) -> dict[str, Any]:
    ends = special.ends[0] if len(special.ends) == 1 else list(special.ends)
    return {"bos_token_id": special.bos, "eos_token_id": ends, "pad_token_id": special.pad, "use_cache": True}


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(content, indent=2) + "\n")


def _write_weights(
    like: Mapping[str, Tensor], read: Read, published: Mapping[str, Place], folder: Path, max_file_bytes: int
) -> None:
    sizes = {key: _part_of(like[name], expert).nbytes for key, (name, expert) in published.items()}
    parts = list(_parts(sizes, max_file_bytes))
    names = [WEIGHTS] if len(parts) == 1 else [_part_name(i, len(parts)) for i in range(1, len(parts) + 1)]
    # What an earlier, larger or smaller model left here would be taken for this one's.
    for stale in (*folder.glob("model*.safetensors"), folder / INDEX):
        if stale.name not in names:
            stale.unlink(missing_ok=True)
    for file_name, part in zip(names, parts, strict=True):
        with room_on_disk(folder):
            temporary = folder / f".{file_name}.tmp"
            save_file(_gather(part, published, read), temporary, metadata={"format": "pt"})
            temporary.replace(folder / file_name)
    if len(parts) > 1:
        where = {key: name for name, part in zip(names, parts, strict=True) for key in part}
        _write_json(folder / INDEX, {"metadata": {"total_size": sum(sizes.values())}, "weight_map": where})


def _gather(part: list[str], published: Mapping[str, Place], read: Read) -> dict[str, Tensor]:
    """Read one file's tensors, each parameter once: its experts follow one another."""
    gathered: dict[str, Tensor] = {}
    name, tensor = "", torch.empty(0)
    for key in part:
        if published[key][0] != name:
            name = published[key][0]
            tensor = read(name)
        gathered[key] = _part_of(tensor, published[key][1]).contiguous()
    return gathered


def _part_of(tensor: Tensor, expert: int | None) -> Tensor:
    return tensor if expert is None else tensor[expert]


def _part_name(number: int, count: int) -> str:
    return f"model-{number:05d}-of-{count:05d}.safetensors"


def _parts(sizes: Mapping[str, int], max_file_bytes: int) -> Iterator[list[str]]:
    part: list[str] = []
    filled = 0
    for name, size in sizes.items():
        if part and filled + size > max_file_bytes:
            yield part
            part, filled = [], 0
        part.append(name)
        filled += size
    yield part


def _files(folder: Path) -> list[Path]:
    index = folder / INDEX
    try:
        names = set(json.loads(index.read_text())["weight_map"].values()) if index.exists() else {WEIGHTS}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(folder, error) from error
    outside = [name for name in names if not isinstance(name, str) or Path(name).name != name]
    if outside:
        raise _unreadable(folder, ValueError(f"the index names {outside[0]!r}, which is not a file of this folder"))
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles and not any((folder / name).exists() for name in names):
        raise InputError(
            f"the model's weights are a pickle ({pickles[0]}), which is never opened",
            where=str(folder),
            why="reading a pickle runs whatever its writer put into it",
            fix="take the model's safetensors from where it came, or have its writer save it with save_pretrained",
        )
    return [folder / name for name in sorted(names)]


def _unreadable(folder: Path, error: Exception) -> InputError:
    return InputError(
        "the model's weights cannot be read",
        where=str(folder),
        why=f"a file is missing or damaged ({error})",
        fix="copy the folder again from where it came",
    )


def _check_names(
    expected: Mapping[str, Place], like: Mapping[str, Tensor], files: list[Path], config: ModelConfig, folder: Path
) -> None:
    """Compare names and shapes from the files' headers, before anything large is read."""
    found: dict[str, tuple[int, ...]] = {}
    for path in files:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - a safetensors file is no mapping
                found[name] = tuple(file.get_slice(name).get_shape())
    if config.has_tied_embeddings:
        found.pop("lm_head.weight", None)  # some writers store the tied matrix twice
    wanted = {key: tuple(_part_of(like[name], expert).shape) for key, (name, expert) in expected.items()}
    problems = {
        "missing": sorted(wanted.keys() - found.keys()),
        "unexpected": sorted(found.keys() - wanted.keys()),
        "of another shape": [name for name in wanted if name in found and wanted[name] != found[name]],
    }
    listed = "; ".join(f"{len(names)} {kind} ({names[0]}, ...)" for kind, names in problems.items() if names)
    if listed:
        raise InputError(
            "the weights do not fit the model's description",
            where=str(folder),
            why=listed,
            fix="take config.json and the weights from the same model",
        )
