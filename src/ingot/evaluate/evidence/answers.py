"""What an answer costs: processor seconds and energy to read a question and to write so many bytes, by this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ingot.core.energy import Meter
from ingot.evaluate.evidence.config import ScoreConfig
from ingot.infer.engine import REFERENCE_ENGINE, Engine, build
from ingot.infer.sampling import SamplingParams


@dataclass(frozen=True)
class Cost:
    """Of one answer of `answer_bytes`: processor seconds and joules, None where nobody can tell."""

    answer_bytes: int
    processor_seconds: float
    joules: float | None
    method: str


def cost_of(model: Path, prompts: Sequence[str], answer_bytes: int, config: ScoreConfig) -> Cost | None:
    """Time answers to the first prompts with the reference engine; None without a prompt.

    A model ends where it likes, so what is timed is its speed, for the prompt and for every byte that it writes.
    """
    with closing(build(REFERENCE_ENGINE, model)) as engine:
        some = prompts[: config.answers]
        if not some:
            return None
        _answer(engine, some[0], 2)  # memory and threads are there afterwards
        meter, began = Meter(), time.process_time()
        for prompt in some:
            _answer(engine, prompt, 1)
        read, began = time.process_time() - began, time.process_time()
        sizes = [_answer(engine, prompt, config.answer_tokens) for prompt in some]
        wrote, energy = time.process_time() - began, meter.read()
    a_byte = max(wrote - read, 0.0) / max(sum(sizes), 1)
    seconds = read / len(some) + a_byte * answer_bytes
    joules = None if energy.joules is None else energy.joules * seconds / max(read + wrote, 1e-9)
    return Cost(answer_bytes, seconds, joules, energy.method)


def _answer(engine: Engine, prompt: str, tokens: int) -> int:
    """Write an answer and return its bytes."""
    ids = [engine.codec.bos, *engine.codec.encode(prompt)][-(engine.context // 2) :]
    params = SamplingParams(max_tokens=tokens, temperature=0.8, seed=0)
    return sum(len(token.text.encode()) for token in engine.generate(ids, params))
