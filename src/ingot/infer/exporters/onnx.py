"""Export a model to ONNX: one graph with its keys and values as inputs and outputs, the tokenizer beside it.

Inputs and outputs have the names that ONNX exports of decoders share (`input_ids`, `attention_mask`, `position_ids`,
`past_key_values.N.key`, ...; `logits`, `present.N.key`, ...), so programs that run such exports run this one. Whatever
the decoder computes can be exported, sliding windows, scaled rotary embeddings and experts included; experts that are
not chosen are computed all the same.
Source: ONNX IR specification, and torch.onnx.export on torch.export's graph.
"""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from ingot.core.errors import MissingExtraError
from ingot.core.storage import room_on_disk
from ingot.infer.graph import Graph
from ingot.model.config import ModelConfig
from ingot.model.convert import load

READER = "onnxruntime"
TYPES = ("f32",)
MODEL_FILE = "model.onnx"
_COPIED = (
    *("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"),
    *("special_tokens_map.json", "chat_template.jinja"),
)
_OPSET = 18
# Sizes of the recorded pass, no two alike and none 1, which could be taken for sizes of the model.
_ROWS, _NEW, _BEFORE = 2, 5, 3


@dataclass(frozen=True)
class Config:
    """`type` of the weights: full precision alone. `name` is not written."""

    type: Literal["f32"] = "f32"
    name: str = ""


def export(model_folder: Path, out_folder: Path, config: Config) -> None:
    """Write model.onnx, its weights beside it in model.onnx.data, and the tokenizer.

    Raises MissingExtraError when the packages that write ONNX are not installed.
    """
    try:
        import onnx  # noqa: F401 - torch writes ONNX with these two, and says less well that they are missing
        import onnxscript  # noqa: F401 - the same
    except ImportError as error:
        raise MissingExtraError("what writes ONNX", "onnx") from error
    decoder = load(model_folder).eval().requires_grad_(False)
    with room_on_disk(out_folder), _quiet():
        program = torch.onnx.export(
            Graph(decoder),
            _example(decoder.config),
            dynamo=True,
            opset_version=_OPSET,
            verbose=False,
            input_names=["input_ids", "attention_mask", "position_ids", *_names("past_key_values", decoder.config)],
            output_names=["logits", *_names("present", decoder.config)],
            dynamic_shapes=_dynamic(decoder.config),
        )
        assert program is not None
        program.save(str(out_folder / MODEL_FILE), external_data=True)
        for name in _COPIED:
            if (model_folder / name).is_file():
                shutil.copyfile(model_folder / name, out_folder / name)


def _names(prefix: str, config: ModelConfig) -> list[str]:
    return [f"{prefix}.{layer}.{part}" for layer in range(config.layers) for part in ("key", "value")]


def _example(config: ModelConfig) -> tuple[Any, ...]:
    shape = (_ROWS, config.kv_heads, _BEFORE, config.head_width)
    return (
        torch.zeros(_ROWS, _NEW, dtype=torch.long),
        torch.ones(_ROWS, _BEFORE + _NEW, dtype=torch.long),
        torch.arange(_BEFORE, _BEFORE + _NEW).expand(_ROWS, _NEW).contiguous(),
        [torch.zeros(shape) for _ in range(2 * config.layers)],
    )


def _dynamic(config: ModelConfig) -> tuple[Any, ...]:
    rows, new = torch.export.Dim("rows"), torch.export.Dim("new")
    before, total = torch.export.Dim("before"), torch.export.Dim.DYNAMIC
    past = [{0: rows, 2: before} for _ in range(2 * config.layers)]
    return {0: rows, 1: new}, {0: rows, 1: total}, {0: rows, 1: new}, past


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what the tracer says about itself: it is of no use to whoever exports a model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
