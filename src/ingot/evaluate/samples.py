"""What the model writes: continuations of the openings of held-out documents, as they come.

A base model continues text, so it is shown the way it works: the beginning of a real document that it has not seen,
and what it writes next. The first documents in the order of their identity are taken, nothing is picked by hand or by
score, and the seed is fixed, so the same model gives the same samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.evaluate.config import EvaluateConfig
from ingot.evaluate.held_out import Text
from ingot.infer.engine import Engine
from ingot.infer.sampling import SamplingParams


@dataclass(frozen=True)
class Sample:
    """The opening of a held-out document and what the model wrote after it."""

    uri: str
    prompt: str
    continuation: str
    tokens: int


def continuations(engine: Engine, texts: Sequence[Text], config: EvaluateConfig) -> list[Sample]:
    """Return a continuation for each of the first documents that go on after their opening."""
    long_enough = [text for text in texts if text.bytes > config.prompt_bytes]
    chosen = (long_enough or list(texts))[: config.samples]
    return [_continue(engine, text, config, config.seed + number) for number, text in enumerate(chosen)]


def opening(text: str, size_bytes: int) -> str:
    """Return the beginning of a text, ended at white space where there is some, so that no word is cut."""
    beginning = text.encode("utf-8")[:size_bytes].decode("utf-8", errors="ignore")
    if len(beginning) == len(text):
        return beginning
    words_end = max((place for place, character in enumerate(beginning) if character.isspace()), default=0)
    return beginning[:words_end].rstrip() or beginning


def _continue(engine: Engine, text: Text, config: EvaluateConfig, seed: int) -> Sample:
    prompt = opening(text.text, config.prompt_bytes)
    room = engine.context // 2
    ids = [engine.codec.bos, *engine.codec.encode(prompt)][-room:]
    params = SamplingParams(
        max_tokens=config.sample_tokens, temperature=config.temperature, top_p=config.top_p, seed=seed
    )
    tokens = list(engine.generate(ids, params))
    return Sample(text.uri, prompt, "".join(token.text for token in tokens), len(tokens))
