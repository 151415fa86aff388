"""ONNX Runtime reads model.onnx, with the tokenizer that lies beside it.

Greedy tokens are made one at a time with the keys and values that came out before, so the cache of the graph is tested
too; log-probabilities come from one pass over the whole text.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
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

PACKAGE, EXTRA = "onnxruntime", "onnx"
_PAST, _PRESENT = "past_key_values", "present"


@dataclass(frozen=True)
class Config:
    """`threads` 0 takes as many as ONNX Runtime takes."""

    threads: int = 0


class Reader:
    """Opens a folder."""

    def __init__(self, folder: Path, config: Config) -> None:
        # It sends reports over the network, and leaves an identifier of the machine in the cache folder, unless it is
        # told so before it is loaded; the function it has for that comes too late for the first report.
        os.putenv("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime  # an optional extra

        self.program = f"onnxruntime {installed_version(PACKAGE)}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = config.threads
        if not (folder / "model.onnx").is_file():
            raise InputError("the folder has no model.onnx", where=str(folder), fix="name a folder that was exported")
        self._session: Any = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._ends = frame(folder)[1]
        self._tokenizer = read_tokenizer(folder)
        self._tokenizer.encode_special_tokens = True

    def log_probabilities(self, ids: Sequence[int], asked_TA: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what it gives the asked tokens."""
        logits_TV, _ = self._run(list(ids[:-1]), {})
        log_TV = np.stack([log_probabilities(row) for row in logits_TV])
        return np.take_along_axis(log_TV, asked_TA, axis=1)

    def greedy(self, prompt: Sequence[int], count: int) -> list[int]:
        """Return the most probable continuation."""
        said: list[int] = []
        logits_TV, past = self._run(list(prompt), {})
        while len(said) < count:
            said.append(int(np.argmax(logits_TV[-1, : self._tokenizer.get_vocab_size()])))
            if said[-1] in self._ends:
                break
            logits_TV, past = self._run(said[-1:], past)
        return said

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        return [one.ids for one in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def close(self) -> None:
        """Drop the weights."""
        del self._session

    def _run(self, ids: Sequence[int], past: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Return logits [T, V], and the keys and values to give with the next tokens."""
        before = next(iter(past.values())).shape[2] if past else 0
        given: dict[str, NDArray[Any]] = {
            "input_ids": np.array([ids], dtype=np.int64),
            "attention_mask": np.ones((1, before + len(ids)), dtype=np.int64),
            "position_ids": np.arange(before, before + len(ids), dtype=np.int64)[None],
        }
        for one in self._session.get_inputs():
            if one.name.startswith(_PAST):
                shape = (1, one.shape[1], 0, one.shape[3])
                given[one.name] = past.get(one.name, np.zeros(shape, dtype=np.float32))
        names = [one.name for one in self._session.get_outputs()]
        made = dict(zip(names, self._session.run(None, given), strict=True))
        logits_TV: NDArray[np.float32] = made.pop("logits")[0]
        return logits_TV, {name.replace(_PRESENT, _PAST, 1): values for name, values in made.items()}
