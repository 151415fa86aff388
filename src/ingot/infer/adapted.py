"""A model that is another one with an adapter: it answers through the engine of that one, whose weights are there once.

Many of these share one engine, each request with the adapter of the model that it names. Only an engine that follows
`SamplingParams.adapter` can be shared so; for every other one the adapter is merged into weights of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingot.core.errors import InputError
from ingot.infer.engine import (
    REFERENCE_ENGINE,
    AdaptingEngine,
    Engine,
    EngineStats,
    Heard,
    PushingEngine,
    Stop,
    cannot_embed,
    fitted,
)
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token

TOKENIZER = "tokenizer.json"


def open_adapter(engine: Engine, base: str, base_folder: Path, folder: Path) -> Engine:
    """Return the engine of `base` as it answers with the adapter in `folder`.

    Raises InputError for an engine that applies none, and for an adapter of another model or another vocabulary.
    """
    if "adapter" not in engine.controls or not isinstance(engine, AdaptingEngine):
        raise InputError(
            f"the {engine.name} engine of {base} cannot put adapters on it",
            where=str(folder),
            fix=f"serve with --engine {REFERENCE_ENGINE}, or make a model of both (ingot.train.merging:merge)",
        )
    check_tokenizer(folder, base_folder)
    engine.load_adapter(folder)
    return _Pushing(engine, folder) if isinstance(engine, PushingEngine) else Adapted(engine, folder)


def check_tokenizer(folder: Path, base_folder: Path) -> None:
    """Raise InputError for an adapter with another vocabulary than its base; one without takes that of the base."""
    own = folder / TOKENIZER
    if own.is_file() and own.read_bytes() != (base_folder / TOKENIZER).read_bytes():
        raise InputError(
            "the adapter was trained with another vocabulary than the model has",
            where=str(own),
            why="every id would mean another word",
            fix="name the model it was trained beside",
        )


class Adapted:
    """Satisfies the engine protocol with an adapter over an engine that others use as well; closing it closes neither.

    What the engine holds is told by the engine itself, once, and not again by everything that shares it.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        assert isinstance(engine, AdaptingEngine), "asked for an engine that can"
        self._engine, self._adapting, self._folder = engine, engine, folder
        self.name, self.codec, self.context = engine.name, engine.codec, engine.context
        self.most_top_logprobs = engine.most_top_logprobs
        self.controls = engine.controls

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return the answer as it is made."""
        return self._engine.generate(prompt, self._with_adapter(prompt, params), stop)

    def tokenize(self, text: str) -> list[int] | None:
        """Return the ids that the engine's own tokenizer gives a text."""
        return self._engine.tokenize(text)

    def embed(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Raise InputError: no adapter is trained to embed."""
        raise cannot_embed(self)

    def stats(self) -> EngineStats:
        """Return nothing of its own."""
        return EngineStats()

    def close(self) -> None:
        """Free the adapter; answers under way go on."""
        self._adapting.drop_adapter(self._folder)

    def _with_adapter(self, prompt: Sequence[int], params: SamplingParams) -> SamplingParams:
        return replace(fitted(prompt, params, self), adapter=str(self._folder))


class _Pushing(Adapted):
    """The same over an engine that tells its tokens to whoever asked."""

    def listen(
        self, prompt: Sequence[int], params: SamplingParams, hear: Callable[[Heard], object]
    ) -> Callable[[], None]:
        """Begin an answer; return what ends it early."""
        assert isinstance(self._engine, PushingEngine), "made for an engine that pushes"
        return self._engine.listen(prompt, self._with_adapter(prompt, params), hear)
