"""OpenVINO reads its intermediate representation, with the tokenizer that was written beside it.

It computes in full precision here. Left to itself it multiplies in bf16 where the processor can, which moves
log-probabilities by 1e-2.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingot.core.errors import InputError
from ingot.core.plugins import installed_version
from ingot.infer.reference import frame
from ingot.infer.sampling import log_probabilities
from ingot.tokenizer.codec import read_tokenizer

PACKAGE, EXTRA = "openvino-genai", "openvino"
MODEL_FILE = "openvino_model.xml"


@dataclass(frozen=True)
class Config:
    """`threads` 0 takes as many as OpenVINO takes."""

    threads: int = 0


class Reader:
    """Opens a folder."""

    def __init__(self, folder: Path, config: Config) -> None:
        # As in the exporter: its telemetry must not be found.
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
        import openvino  # an optional extra
        from openvino_genai import py_openvino_genai

        if not (folder / MODEL_FILE).is_file():
            raise InputError(f"the folder has no {MODEL_FILE}", where=str(folder), fix="name one that was exported")
        self.program = f"openvino {installed_version('openvino')}"
        properties = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
        threads = {"INFERENCE_NUM_THREADS": config.threads} if config.threads else {}
        compiled = openvino.Core().compile_model(str(folder / MODEL_FILE), "CPU", {**properties, **threads})
        self._request: Any = compiled.create_infer_request()
        self._own_tokenizer: Any = py_openvino_genai.Tokenizer(str(folder))
        self._ends = frame(folder)[1]
        self._vocabulary = read_tokenizer(folder).get_vocab_size()

    def log_probabilities(self, ids: Sequence[int], asked_TA: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what it gives the asked tokens."""
        log_TV = np.stack([log_probabilities(row) for row in self._run(ids[:-1], 0)])
        return np.take_along_axis(log_TV, asked_TA, axis=1)

    def greedy(self, prompt: Sequence[int], count: int) -> list[int]:
        """Return the most probable continuation, with the state it keeps."""
        said: list[int] = []
        logits_TV = self._run(prompt, 0)
        while len(said) < count:
            said.append(int(np.argmax(logits_TV[-1, : self._vocabulary])))
            if said[-1] in self._ends:
                break
            logits_TV = self._run(said[-1:], len(prompt) + len(said) - 1)
        return said

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        read = (self._own_tokenizer.encode(text, add_special_tokens=False).input_ids.data[0] for text in texts)
        return [list(map(int, ids)) for ids in read]

    def close(self) -> None:
        """Drop the weights."""
        del self._request

    def _run(self, ids: Sequence[int], before: int) -> NDArray[np.float32]:
        """Return logits [T, V] of the ids, that follow the `before` it has read."""
        if not before:
            self._request.reset_state()
        places = np.arange(before, before + len(ids), dtype=np.int64)
        given = {
            "input_ids": np.array([list(ids)], dtype=np.int64),
            "attention_mask": np.ones((1, before + len(ids)), dtype=np.int64),
            "position_ids": places[None],
            "beam_idx": np.zeros(1, dtype=np.int32),
        }
        logits_BTV = self._request.infer(given)["logits"]
        return np.array(logits_BTV[0], dtype=np.float32)
