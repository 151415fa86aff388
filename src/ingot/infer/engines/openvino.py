"""The fast engine on x86: OpenVINO reads the exported GGUF file and answers many requests in one batch.

All requests share one paged cache and advance together, one token a step. There is no thread of our own: whoever waits
for a token takes the turn and steps the batch for everybody. Prompts are token ids, so the tokenizer OpenVINO would
build from the file is never used. It computes in full precision: the file is certified against the reference, and half
precision alone moves log-probabilities by 1e-2. A step holds the interpreter's lock, so whoever serves a network beside
it runs this engine in a child process (`supervised`).

Its cache of prefixes stays off: it has no salt, so a caller could tell by the clock what others have asked. Its
penalties are refused, since they work on the distance of a logit from zero, and the reference's lower it.
Source: openvino.genai, ContinuousBatchingPipeline (add_request, step, GenerationHandle), StructuredOutputConfig.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ingot.core.errors import IngotError, InputError, MissingExtraError
from ingot.core.hardware import usable_cores
from ingot.infer.engine import Control, EngineStats, Stop, cannot_embed, context_of, fitted
from ingot.infer.forcing import Hold, TokenSet
from ingot.infer.grammar import Grammar, ebnf
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Drawn, Token, as_tokens
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec

MODEL_FILE = "model-f16.gguf"
_MOST_GRAMMARS = 256


@dataclass(frozen=True)
class Config:
    """`threads` 0 uses the cores this process may use; `precision` bf16 is faster where the processor multiplies it."""

    threads: int = 0
    precision: Literal["f32", "bf16"] = "f32"


class Engine:
    """Answers with the GGUF file of a model folder. Raises MissingExtraError when OpenVINO is not installed."""

    name = "openvino"
    most_top_logprobs = 0  # it reports the chosen token's log-probability, and no alternatives
    controls: frozenset[Control] = frozenset({"grammar"})

    def __init__(self, model_folder: Path, config: Config) -> None:
        openvino, self._genai = _import_quietly()
        self._tensor = openvino.Tensor
        self.codec = Codec.load(model_folder)
        self.context = context_of(model_folder)
        self._end_ids = stop_ids(self.codec)
        self._control_names = _names_of_control_tokens(self.codec)
        self._opening = (self._genai, model_folder / MODEL_FILE, config)
        self._pipeline = _open(*self._opening)
        self._grammars: set[Grammar] = set()
        self._turn = threading.Lock()
        self._numbers = itertools.count()
        self._active: dict[int, int] = {}  # tokens in the cache at most, by number of the request
        self._handles: dict[int, Any] = {}
        self._broken: dict[int, str] = {}

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return the answer as it is made."""
        shortened = fitted(prompt, params, self)
        settings = _settings(self._genai, shortened, self._end_ids, self._control_names)
        # What it lets through is checked once more: an answer that leaves its grammar ends with an error.
        rules = None if shortened.grammar is None else self._token_set.hold(shortened.grammar)
        drawn = self._draw(prompt, settings, rules, stop, shortened.grammar)
        return as_tokens(drawn, self.codec.decoder(), shortened, self._end_ids)

    def tokenize(self, text: str) -> list[int]:
        """Return the ids OpenVINO itself gives a text, from the tokenizer in the file."""
        ids = self._pipeline.get_tokenizer().encode(text, add_special_tokens=False).input_ids.data
        return [int(token) for token in ids[0]]

    def embed(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Raise InputError: this engine reads no embedding head."""
        raise cannot_embed(self)

    def stats(self) -> EngineStats:
        """Return how many answers are under way, and the tokens they may fill; the cache grows as it must."""
        return EngineStats(active=len(self._active), waiting=0, cache_tokens_used=sum(self._active.values()))

    def close(self) -> None:
        """Drop the model; requests still under way end with an error."""
        with self._turn:
            del self._pipeline

    @cached_property
    def _token_set(self) -> TokenSet:
        return TokenSet(self.codec, self._end_ids)

    def _draw(
        self,
        prompt: Sequence[int],
        settings: Any,
        rules: Hold | None,
        stop: Stop | None,
        grammar: Grammar | None,
    ) -> Generator[Drawn, None, None]:
        ids = self._tensor(np.asarray([prompt], dtype=np.int64))
        number = next(self._numbers)
        with self._turn:
            self._forget_grammars(grammar)
            handle = self._handles[number] = self._pipeline.add_request(number, ids, settings)
        self._active[number] = len(prompt) + int(settings.max_new_tokens)
        try:
            while stop is None or not stop():
                self._advance(handle)
                if number in self._broken:
                    raise IngotError(
                        "OpenVINO broke the answer off", why=self._broken[number][:300], fix="send the request again"
                    )
                if not handle.can_read():
                    return
                for output in handle.read().values():
                    if rules is not None:
                        for token in output.generated_ids:
                            rules.take(token)
                    yield from map(Drawn, map(self._known, output.generated_ids), output.generated_log_probs)
        finally:
            del self._active[number], self._handles[number]
            self._broken.pop(number, None)
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
                self._step()

    def _forget_grammars(self, grammar: Grammar | None) -> None:
        """Open the model again once it has kept too many grammars: it never gives one back, about 0.4 MB each."""
        if len(self._grammars) >= _MOST_GRAMMARS and not self._handles:
            del self._pipeline
            self._pipeline = _open(*self._opening)
            self._grammars.clear()
        if grammar is not None:
            self._grammars.add(grammar)

    def _step(self) -> None:
        """Go on by one token for everybody. What fails in a step fails in every later one until it is taken out."""
        try:
            self._pipeline.step()
        except RuntimeError as error:
            for number, handle in list(self._handles.items()):
                self._broken[number] = str(error)
                handle.cancel()

    def _release(self, handle: Any) -> None:
        with self._turn:
            handle.cancel()
            if self._pipeline.has_non_finished_requests():
                self._step()  # a cancelled request gives its cache back in the next step


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


def _settings(genai: Any, params: SamplingParams, end_ids: frozenset[int], names: frozenset[str]) -> Any:
    settings = genai.GenerationConfig()
    settings.max_new_tokens = params.max_tokens
    if params.grammar is None:
        settings.ignore_eos = True  # as_tokens ends the answer, alike for every engine
    else:
        settings.stop_token_ids = set(end_ids)
        settings.structured_output_config = genai.StructuredOutputConfig(grammar=ebnf(params.grammar, names))
    settings.logprobs = 1
    settings.do_sample = not params.is_greedy
    if settings.do_sample:
        settings.temperature = params.temperature
        settings.top_p = params.top_p
        settings.rng_seed = _fresh_seed() if params.seed is None else params.seed % 2**32
        if params.top_k:
            settings.top_k = params.top_k
    return settings


def _names_of_control_tokens(codec: Codec) -> frozenset[str]:
    silent = (token for token in range(codec.vocabulary) if not codec.token_bytes(token))
    return frozenset(str(codec.tokenizer.id_to_token(token)) for token in silent)


def _fresh_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])
