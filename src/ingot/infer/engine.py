"""An engine turns a prompt of token ids into an answer, one token at a time.

The life of a request:

    1. the caller tokenises; an engine never sees text, so every engine reads exactly the same ids
    2. `generate` checks the prompt against the context and shortens `max_tokens` to what fits
    3. the engine draws ids; `text.as_tokens` turns them into Tokens and decides when the answer ends
    4. the caller reads Tokens as they come; the last one says why it is the last
    5. a caller that has heard enough closes the iterator, or lets `stop` answer True: the engine frees the request

Which engine serves a model is decided by measurement, not by file name: packaging compares every engine with the
reference and records the fastest one that gives the same tokens; `open_engine` follows that record.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ingot.core.errors import EngineLostError, IngotError, InputError, MissingExtraError, UsageError
from ingot.core.hardware import machine
from ingot.core.plugins import load
from ingot.infer.sampling import GREEDY, SamplingParams
from ingot.infer.text import Token
from ingot.tokenizer.codec import Codec

CERTIFICATE_FILE = "certificate.json"
REFERENCE_ENGINE = "torch"

Stop = Callable[[], bool]
Heard = Sequence[Token] | IngotError | None  # tokens as they come, then why there is no more, or None after the last
Control = Literal["grammar", "penalties", "logit_bias", "adapter"]


@dataclass(frozen=True)
class EngineStats:
    """How busy an engine is; None where it cannot tell. The cache is counted in tokens, all requests together."""

    active: int | None = None
    waiting: int | None = None
    cache_tokens_used: int | None = None
    cache_tokens_total: int | None = None


def engine_lost(engine: str, how: str) -> EngineLostError:
    """Return the error that tells how the process of an engine was lost."""
    return EngineLostError(
        f"the process of the {engine} engine is gone: {how}",
        why="what it was answering is lost; a new process takes its place",
        fix="send the request again",
    )


class Engine(Protocol):
    """What serves a model; several answers may be generated at once.

    Built as `Engine(model_folder, Config(threads=2))`; with 0, the default, it takes as many threads as it may use.
    """

    name: str
    codec: Codec
    context: int  # tokens, prompt and answer together
    most_top_logprobs: int  # how many alternatives it can report beside each token
    controls: frozenset[Control]  # which of the further settings it follows exactly as the reference does

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return the answer as it is made. Raises InputError at once when the prompt cannot be answered."""

    def tokenize(self, text: str) -> list[int] | None:
        """Return the ids that the tokenizer in the exported file gives a text; None for an engine that reads none.

        Only the certificate asks: prompts always come as ids.
        """

    def embed(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return one unit vector for each prompt, [N, D]. Raises InputError where the model or engine cannot."""

    def stats(self) -> EngineStats:
        """Return how busy it is; cheap, never waits for an answer under way."""

    def close(self) -> None:
        """Free the model's memory; the engine cannot be used afterwards."""


@runtime_checkable
class SteppedEngine(Protocol):
    """An engine whose answers advance together, for a caller with a loop of its own: one thread, nobody waits inside.

    One thread calls these, and nobody calls `generate` meanwhile.
    """

    def begin(self, prompt: Sequence[int], params: SamplingParams) -> int:
        """Begin an answer and return its number. Raises InputError when the prompt cannot be answered."""

    def step(self) -> list[tuple[int, Heard]]:
        """Go on by one step for every answer, and return what each said; an answer that is over is forgotten."""

    def drop(self, number: int) -> None:
        """End an answer that nobody wants any more, if it is not over."""


@runtime_checkable
class AdaptingEngine(Protocol):
    """An engine that answers with any number of adapters over the weights it holds once.

    A request names its adapter by the folder (`SamplingParams.adapter`). One whose engine has not loaded it loads it
    then. Only an engine among whose `controls` is "adapter" does any of this.
    """

    def load_adapter(self, folder: Path) -> None:
        """Load an adapter ahead of its first request. Raises InputError for one that does not fit the model."""

    def drop_adapter(self, folder: Path) -> None:
        """Free an adapter's memory; answers under way with it go on as they began."""


@runtime_checkable
class PushingEngine(Protocol):
    """An engine that tells its tokens to whoever asked, instead of having a thread of theirs wait for each."""

    def listen(
        self, prompt: Sequence[int], params: SamplingParams, hear: Callable[[Heard], object]
    ) -> Callable[[], None]:
        """Begin an answer; return what ends it early. Neither waits, so both may be called on an event loop.

        `hear` must not wait either. It is called on that loop or in another thread, but never before this returns. It
        hears tokens, as many at a time as there are, and then once None or an error. Raises as `generate` does.
        """


def open_engine(
    model_folder: Path,
    preference: str = "auto",
    warn: Callable[[str], object] = warnings.warn,
    *,
    supervised: bool = False,
    draft: Path | None = None,
) -> Engine:
    """Open a model with the engine named, or with the one its certificate recorded as fastest and equal (`auto`).

    On `auto`, an engine that is not installed here, or that on this processor no longer gives the certified tokens, is
    replaced by the reference engine, and `warn` says so. `supervised` runs it in a child process that may die alone.
    `draft` is the folder of a smaller model that guesses ahead. Raises UsageError for an engine that has no use for it.
    """
    opened: Callable[[str, Path], Engine] = _build_supervised if supervised else build
    if draft is not None:
        opened = partial(_build_supervised if supervised else build, draft=draft)
    if preference != "auto":
        return opened(preference, model_folder)
    certificate = read_certificate(model_folder)
    chosen = str(certificate.get("engine", REFERENCE_ENGINE))
    if chosen == REFERENCE_ENGINE:
        return opened(REFERENCE_ENGINE, model_folder)
    try:
        engine = opened(chosen, model_folder)
    except MissingExtraError as missing:
        warn(f"{missing.what}: answering with the slower {REFERENCE_ENGINE} engine. To change that: {missing.fix}")
        return opened(REFERENCE_ENGINE, model_folder)
    if certificate.get("processor") == machine().processor or _repeats(engine, certificate):
        return engine
    engine.close()
    warn(f"on this processor {chosen} does not give the certified tokens: answering with the {REFERENCE_ENGINE} engine")
    return opened(REFERENCE_ENGINE, model_folder)


def _build_supervised(name: str, model_folder: Path, draft: Path | None = None) -> Engine:
    # Imported here, not above: it is itself made of what this file declares.
    from ingot.infer import supervised

    return supervised.Engine(name, model_folder, draft=draft)


def context_of(model_folder: Path) -> int:
    """Return how many tokens a model reads, prompt and answer together."""
    config = json.loads((model_folder / "config.json").read_text(encoding="utf-8"))
    return int(config["max_position_embeddings"])


def build(name: str, model_folder: Path, threads: int = 0, draft: Path | None = None) -> Engine:
    """Build the engine of this name with the defaults of its config, on so many threads (0: as many as it may use).

    Raises UsageError for a draft model with an engine that has no use for one.
    """
    plugin = load("engine", name)
    config = plugin.config_type(threads=threads)
    if draft is not None:
        if not hasattr(config, "draft"):
            raise UsageError(
                f"the {name} engine has no use for a draft model",
                where="--draft",
                fix="leave --draft out, or serve the model with --engine openvino",
            )
        config = replace(config, draft=str(draft))
    engine: Engine = plugin.entry(model_folder, config)
    return engine


def read_certificate(model_folder: Path) -> Mapping[str, Any]:
    """Return what packaging certified about a model, or nothing for a folder that was never packaged."""
    path = model_folder / CERTIFICATE_FILE
    if not path.exists():
        return {}
    certificate: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return certificate


def _repeats(engine: Engine, certificate: Mapping[str, Any]) -> bool:
    prompt: list[int] = certificate["probe"]["prompt"]
    expected: list[int] = certificate["probe"]["tokens"]
    return greedy(engine, prompt, len(expected)) == expected


def greedy(engine: Engine, prompt: Sequence[int], count: int) -> list[int]:
    """Return the `count` most probable next tokens, one after another; fewer when the model ends the text."""
    return [token.id for token in engine.generate(prompt, replace(GREEDY, max_tokens=count))]


def fitted(prompt: Sequence[int], params: SamplingParams, engine: Engine) -> SamplingParams:
    """Return `params` with max_tokens cut to what the context leaves. Raises InputError for an impossible prompt."""
    left = engine.context - len(prompt)
    if not prompt:
        raise InputError("the prompt is empty", why="a model continues something", fix="start with the bos token")
    if left < 1:
        raise InputError(
            f"the prompt has {len(prompt)} tokens, but this model reads at most {engine.context}, answer included",
            where="prompt",
            why="the model never saw positions beyond its context, so the answer would be noise",
            fix=f"shorten the prompt to at most {engine.context - 1} tokens",
        )
    if min(prompt) < 0 or max(prompt) >= engine.codec.vocabulary:
        raise InputError(
            f"the prompt holds a token id outside 0..{engine.codec.vocabulary - 1}",
            where="prompt",
            fix="tokenise the text with the tokenizer that lies beside the model",
        )
    if params.top_logprobs > engine.most_top_logprobs:
        raise InputError(
            f"the {engine.name} engine reports at most {engine.most_top_logprobs} alternatives per token",
            where="top_logprobs",
            fix=f"ask for at most {engine.most_top_logprobs}, or serve the model with the {REFERENCE_ENGINE} engine",
        )
    _refuse_unfollowed(params, engine)
    return replace(params, max_tokens=min(params.max_tokens, left))


def _refuse_unfollowed(params: SamplingParams, engine: Engine) -> None:
    if any(token >= engine.codec.vocabulary for token, _ in params.logit_bias):
        raise InputError(
            f"logit_bias names an id outside 0..{engine.codec.vocabulary - 1}",
            where="logit_bias",
            fix="take ids from the tokenizer that lies beside the model",
        )
    asked: dict[Control, bool] = {
        "grammar": params.grammar is not None,
        "penalties": bool(params.presence_penalty or params.frequency_penalty),
        "logit_bias": bool(params.logit_bias),
        "adapter": params.adapter is not None,
    }
    for control, is_asked in asked.items():
        if is_asked and control not in engine.controls:
            raise InputError(
                f"the {engine.name} engine cannot force a grammar"
                if control == "grammar"
                else f"the {engine.name} engine cannot follow {control}",
                where=control,
                why="ignoring it would give an answer that was not asked for",
                fix=f"leave it out, or serve the model with the {REFERENCE_ENGINE} engine",
            )


def cannot_embed(engine: Engine) -> InputError:
    """Return the refusal of an engine whose model gives no embeddings."""
    return InputError(
        f"the {engine.name} engine gives no embeddings of this model",
        where="model",
        why="embeddings need a model trained with an embedding head, served by an engine that reads it",
        fix=f"ask a model trained with the embedding objective, with the {REFERENCE_ENGINE} engine",
    )
