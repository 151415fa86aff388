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
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ingot.core.errors import InputError, MissingExtraError
from ingot.core.hardware import machine
from ingot.core.plugins import load
from ingot.infer.sampling import GREEDY, SamplingParams
from ingot.infer.text import Token
from ingot.tokenizer.codec import Codec

CERTIFICATE_FILE = "certificate.json"
REFERENCE_ENGINE = "torch"

Stop = Callable[[], bool]


class Engine(Protocol):
    """What serves a model; several answers may be generated at once.

    Built as `Engine(model_folder, Config(threads=2))`; with 0, the default, it takes as many threads as it may use.
    """

    name: str
    codec: Codec
    context: int  # tokens, prompt and answer together
    most_top_logprobs: int  # how many alternatives it can report beside each token

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return the answer as it is made. Raises InputError at once when the prompt cannot be answered."""

    def tokenize(self, text: str) -> list[int] | None:
        """Return the ids that the tokenizer in the exported file gives a text; None for an engine that reads none.

        Only the certificate asks: prompts always come as ids.
        """

    def close(self) -> None:
        """Free the model's memory; the engine cannot be used afterwards."""


def open_engine(model_folder: Path, preference: str = "auto", warn: Callable[[str], object] = warnings.warn) -> Engine:
    """Open a model with the engine named, or with the one its certificate recorded as fastest and equal (`auto`).

    On `auto`, an engine that is not installed here, or that on this processor no longer gives the certified tokens, is
    replaced by the reference engine, and `warn` says so.
    """
    if preference != "auto":
        return build(preference, model_folder)
    certificate = read_certificate(model_folder)
    chosen = str(certificate.get("engine", REFERENCE_ENGINE))
    if chosen == REFERENCE_ENGINE:
        return build(REFERENCE_ENGINE, model_folder)
    try:
        engine = build(chosen, model_folder)
    except MissingExtraError as missing:
        warn(f"{missing.what}: answering with the slower {REFERENCE_ENGINE} engine. To change that: {missing.fix}")
        return build(REFERENCE_ENGINE, model_folder)
    if certificate.get("processor") == machine().processor or _repeats(engine, certificate):
        return engine
    engine.close()
    warn(f"on this processor {chosen} does not give the certified tokens: answering with the {REFERENCE_ENGINE} engine")
    return build(REFERENCE_ENGINE, model_folder)


def build(name: str, model_folder: Path, threads: int = 0) -> Engine:
    """Build the engine of this name with the defaults of its config, on so many threads (0: as many as it may use)."""
    plugin = load("engine", name)
    engine: Engine = plugin.entry(model_folder, plugin.config_type(threads=threads))
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
    return replace(params, max_tokens=min(params.max_tokens, left))
