"""The fast engine on x86: OpenVINO reads the exported GGUF file and answers many requests in one batch.

All requests share one paged cache and advance together, one token a step. There is no thread of our own: whoever waits
for a token takes the turn and steps the batch for everybody. Prompts are token ids, so the tokenizer OpenVINO would
build from the file is never used. It computes in full precision: the file is certified against the reference, and half
precision alone moves log-probabilities by 1e-2.
Source: openvino.genai, ContinuousBatchingPipeline (add_request, step, GenerationHandle).
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np

from ingot.core.errors import InputError, MissingExtraError
from ingot.core.hardware import usable_cores
from ingot.infer.engine import Stop, fitted
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Drawn, Token, as_tokens
from ingot.model.convert import read_config
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec

MODEL_FILE = "model-f16.gguf"


@dataclass(frozen=True)
class Config:
    """`threads` 0 uses the cores this process may use; `precision` bf16 is faster where the processor multiplies it."""

    threads: int = 0
    precision: Literal["f32", "bf16"] = "f32"


class Engine:
    """Answers with the GGUF file of a model folder. Raises MissingExtraError when OpenVINO is not installed."""

    name = "openvino"
    most_top_logprobs = 0  # it reports the chosen token's log-probability, and no alternatives

    def __init__(self, model_folder: Path, config: Config) -> None:
        openvino, self._genai = _import_quietly()
        self._tensor = openvino.Tensor
        self.codec = Codec.load(model_folder)
        self.context = read_config(model_folder).context
        self._end_ids = stop_ids(self.codec)
        self._pipeline = _open(self._genai, model_folder / MODEL_FILE, config)
        self._turn = threading.Lock()
        self._numbers = itertools.count()

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return the answer as it is made."""
        shortened = fitted(prompt, params, self)
        return as_tokens(self._draw(prompt, shortened, stop), self.codec.decoder(), shortened, self._end_ids)

    def tokenize(self, text: str) -> list[int]:
        """Return the ids OpenVINO itself gives a text, from the tokenizer in the file."""
        ids = self._pipeline.get_tokenizer().encode(text, add_special_tokens=False).input_ids.data
        return [int(token) for token in ids[0]]

    def close(self) -> None:
        """Drop the model; requests still under way end with an error."""
        with self._turn:
            del self._pipeline

    def _draw(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None) -> Generator[Drawn, None, None]:
        ids = self._tensor(np.asarray([prompt], dtype=np.int64))
        handle = self._pipeline.add_request(next(self._numbers), ids, _settings(self._genai, params))
        try:
            while stop is None or not stop():
                self._advance(handle)
                if not handle.can_read():
                    return
                for output in handle.read().values():
                    yield from map(Drawn, map(self._known, output.generated_ids), output.generated_log_probs)
        finally:
            self._release(handle)

    def _known(self, token: int) -> int:
        # Rows beyond the vocabulary only fill the table up; one that is drawn all the same says nothing.
        return token if token < self.codec.vocabulary else self.codec.pad

    def _advance(self, handle: Any) -> None:
        """Step the batch until this request has something to read or is over; others may do it for us meanwhile."""
        while not handle.can_read():
            with self._turn:
                if handle.can_read():
                    return
                if handle.get_status() != self._genai.GenerationStatus.RUNNING:
                    return
                self._pipeline.step()

    def _release(self, handle: Any) -> None:
        with self._turn:
            handle.cancel()
            if self._pipeline.has_non_finished_requests():
                self._pipeline.step()  # a cancelled request gives its cache back in the next step


def _import_quietly() -> tuple[ModuleType, Any]:
    # Importing openvino sends a report over the network unless its telemetry package cannot be found; the documented
    # opt-out variables do not stop it. None in sys.modules makes that import fail, which openvino accepts; typeshed
    # allows modules alone there.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino  # an optional extra: imported when the engine is built
        from openvino_genai import py_openvino_genai
    except ImportError as error:
        raise MissingExtraError("the OpenVINO engine", "openvino") from error
    return openvino, py_openvino_genai


def _open(genai: Any, path: Path, config: Config) -> Any:
    if not path.is_file():
        raise InputError(
            f"the model folder has no {path.name}",
            where=str(path),
            why="the OpenVINO engine reads the exported file",
            fix="use the torch engine, or package the model again",
        )
    properties = {
        "INFERENCE_NUM_THREADS": config.threads or usable_cores(),
        "INFERENCE_PRECISION_HINT": config.precision,
        "KV_CACHE_PRECISION": config.precision,
    }
    return genai.ContinuousBatchingPipeline(str(path), genai.SchedulerConfig(), "CPU", properties)


def _settings(genai: Any, params: SamplingParams) -> Any:
    settings = genai.GenerationConfig()
    settings.max_new_tokens = params.max_tokens
    settings.ignore_eos = True  # as_tokens ends the answer, alike for every engine
    settings.logprobs = 1
    settings.do_sample = not params.is_greedy
    if settings.do_sample:
        settings.temperature = params.temperature
        settings.top_p = params.top_p
        settings.rng_seed = _fresh_seed() if params.seed is None else params.seed % 2**32
        if params.top_k:
            settings.top_k = params.top_k
    return settings


def _fresh_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])
