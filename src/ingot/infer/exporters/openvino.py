"""Export a model to OpenVINO's intermediate representation, tokenizer included, as openvino.genai opens it.

OpenVINO reads a GGUF file of ours and writes down what it made of it: model and tokenizer are the ones it would build
each time it opens that file. So whatever GGUF refuses is refused here, and mixtures of experts too, which its GGUF
reader does not know.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ingot.core.errors import InputError, MissingExtraError
from ingot.core.storage import room_on_disk
from ingot.infer.exporters.gguf import Config as GgufConfig
from ingot.infer.exporters.gguf import export as export_gguf

READER = "openvino"
TYPES = ("q4_K", "q8_0", "f16")
_PARTS = ("openvino_model", "openvino_tokenizer", "openvino_detokenizer")
_COPIED = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
_MIXTURES = ("mixtral", "qwen3_moe")


@dataclass(frozen=True)
class Config:
    """`type` of the weights, with the exceptions GGUF makes. `name` is what the model calls itself."""

    type: Literal["q4_K", "q8_0", "f16"] = "f16"
    name: str = ""


def export(model_folder: Path, out_folder: Path, config: Config) -> None:
    """Write openvino_model.xml and .bin, and the same of the tokenizer.

    Raises InputError for what OpenVINO would get wrong, MissingExtraError when it is not installed.
    """
    _refuse_mixtures(model_folder)
    with tempfile.TemporaryDirectory(dir=out_folder) as scratch, room_on_disk(out_folder):
        file = Path(scratch) / "model.gguf"
        export_gguf(model_folder, file, GgufConfig(config.type, name=config.name))
        _written_by_openvino(file)
        for part in _PARTS:
            for suffix in (".xml", ".bin"):
                (Path(scratch) / f"{part}{suffix}").rename(out_folder / f"{part}{suffix}")
    with room_on_disk(out_folder):
        for name in _COPIED:
            if (model_folder / name).is_file():
                shutil.copyfile(model_folder / name, out_folder / name)


def _refuse_mixtures(folder: Path) -> None:
    facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if facts["model_type"] in _MIXTURES:
        raise InputError(
            "the model is a mixture of experts, which OpenVINO does not read from GGUF",
            where=str(folder / "config.json"),
            why="the export is what OpenVINO makes of a GGUF file",
            fix="export it to onnx, or to gguf for llama.cpp",
        )


def _written_by_openvino(file: Path) -> None:
    """Have OpenVINO read a file and write beside it what it made of it."""
    # Importing openvino sends a report over the network unless its telemetry package cannot be found; typeshed allows
    # modules alone in sys.modules.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino  # noqa: F401 - the extensions that hold tokenizers come with it
        from openvino_genai import py_openvino_genai
    except ImportError as error:
        raise MissingExtraError("OpenVINO", "openvino") from error
    genai: Any = py_openvino_genai
    try:
        genai.LLMPipeline(str(file), "CPU", enable_save_ov_model=True)
    except (RuntimeError, IndexError) as error:
        raise InputError(
            "OpenVINO cannot read this model",
            why=str(error)[:300],
            fix="export it to onnx, or to gguf for llama.cpp",
        ) from error
