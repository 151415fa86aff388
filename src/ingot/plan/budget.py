"""From a budget to a plan: the best model this text, this machine and this much time can make.

Every size on the ladder, with every vocabulary the text can fill, is a candidate. Given seconds, each candidate
trains on as many tokens as fit into the time that the rest of the build leaves; the one with the lowest forecast of
bits per byte on held-out text wins. Few minutes go to a small model that sees a lot of text, more time to a larger
one (docs/decisions/0003-small-budgets-want-small-models.md). Given tokens or steps, the model is the one for which
more size and more text would help equally (Hoffmann et al. 2022, "Training compute-optimal large language models").

The result counts steps, never seconds: the same numbers in give the same plan, and the same plan the same model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ingot.core.errors import InputError
from ingot.model.config import ModelConfig
from ingot.plan.config import PlanConfig, check
from ingot.plan.forecast import Forecast, bytes_per_token, data_part, forecast, fresh_bytes, size_part
from ingot.plan.scaling import VOCABULARIES, Shape, shapes
from ingot.plan.schedule import FEWEST_STEPS, Schedule, batch_size, schedule, sequence_length, tokens_of_steps
from ingot.plan.stages import other_seconds
from ingot.plan.throughput import Throughput

# About five pages. Less is one story, not a language.
SMALLEST_TEXT_BYTES = 10_000
# A token must be met often enough to be learned: this much text per entry of the vocabulary.
TEXT_BYTES_PER_VOCABULARY_ENTRY = 100
# After this many readings a small model begins to know its text by heart and gets worse at other text.
MOST_READINGS = 8
# Times are guesses about the future: plan to be done a little early.
SAFETY = 0.92


@dataclass(frozen=True)
class Candidate:
    """A model that could be trained within the budget, and what to expect of it."""

    model: ModelConfig
    schedule: Schedule
    forecast: Forecast
    tokens_per_second: float
    readings: float

    @property
    def training_seconds(self) -> float:
        """Expected seconds of training alone."""
        return self.schedule.tokens / self.tokens_per_second


def choose(config: PlanConfig, throughput: Throughput, cores: int) -> Candidate:
    """Return the best candidate. Raises InputError naming the smallest text or budget that would work."""
    check(config)
    check_text(config)
    sizes = [(shape, vocabulary) for shape in shapes(config) for vocabulary in vocabularies(config)]
    candidates = [candidate(config, shape, vocabulary, throughput, cores) for shape, vocabulary in sizes]
    trainable = [one for one in candidates if one.schedule.steps >= (1 if config.steps else FEWEST_STEPS)]
    if not trainable:
        raise budget_too_small(config, throughput, cores)
    if config.seconds:
        return min(trainable, key=lambda one: one.forecast.bits_per_byte)
    return balanced(trainable, config)


def check_text(config: PlanConfig) -> None:
    """Raise InputError when there is too little text to learn a language from, or none held out to measure it on."""
    if config.train_bytes >= SMALLEST_TEXT_BYTES and config.held_out_bytes > 0:
        return
    raise InputError(
        f"there is too little text: {config.train_bytes:,} bytes to learn from, {config.held_out_bytes:,} held out",
        why="a model learns from repetition across documents; with less it can only copy",
        fix=f"add documents until {SMALLEST_TEXT_BYTES:,} bytes of text (about five pages) are kept for training",
    )


def vocabularies(config: PlanConfig) -> list[int]:
    """Return the vocabulary sizes this much text can fill."""
    if config.vocabulary:
        return [config.vocabulary]
    largest = max(config.train_bytes / TEXT_BYTES_PER_VOCABULARY_ENTRY, VOCABULARIES[0])
    return [size for size in VOCABULARIES if size <= largest]


def candidate(config: PlanConfig, shape: Shape, vocabulary: int, throughput: Throughput, cores: int) -> Candidate:
    """Work out what this size would do with the budget."""
    text_tokens = config.train_bytes / bytes_per_token(vocabulary)
    rate = throughput.tokens_per_second(shape.model(vocabulary, config.sequence_length or 512).flops_per_token(512))
    if config.seconds:
        tokens = min(training_seconds(config, cores) * rate, text_tokens * MOST_READINGS)
    else:
        tokens = config.tokens or tokens_of_steps(config)
    model = shape.model(vocabulary, sequence_length(tokens, config), config.layout)
    planned = schedule(tokens, shape.width, config)
    return Candidate(
        model, planned, forecast(model, planned.tokens, config.train_bytes), rate, planned.tokens / text_tokens
    )


def training_seconds(config: PlanConfig, cores: int) -> float:
    """Return the seconds of the budget left for training; zero or less when the rest of the build needs them all."""
    others = other_seconds(config.train_bytes, config.held_out_bytes, cores)
    return config.seconds * SAFETY - sum(others.values())


def balanced(candidates: Iterable[Candidate], config: PlanConfig) -> Candidate:
    """Return the smallest candidate that would gain less from more size than from more text, or else the largest."""
    ordered = sorted(candidates, key=lambda one: (one.model.matmul_parameters, one.model.vocabulary))

    def wants_more_text(one: Candidate) -> bool:
        seen = fresh_bytes(one.schedule.tokens, config.train_bytes, one.model.vocabulary)
        return size_part(one.model) <= data_part(seen)

    return next((one for one in ordered if wants_more_text(one)), ordered[-1])


def budget_too_small(config: PlanConfig, throughput: Throughput, cores: int) -> InputError:
    """Return the error that names the smallest budget of the same kind that would work."""
    smallest = replace(config, steps=0, seconds=0.0, tokens=1)
    least_tokens = FEWEST_STEPS * batch_size(1, smallest) * sequence_length(1, smallest)
    if config.tokens:
        return _too_small(f"{config.tokens:,} tokens are", f"--tokens {least_tokens}")
    cheapest = candidate(smallest, shapes(config)[0], vocabularies(config)[0], throughput, cores)
    others = sum(other_seconds(config.train_bytes, config.held_out_bytes, cores).values())
    least_seconds = (others + least_tokens / cheapest.tokens_per_second) / SAFETY
    least = math.ceil((least_seconds + 1) / 10) * 10
    return _too_small(f"{config.seconds:.0f} seconds are", f"--time {least}s")


def _too_small(given: str, smallest: str) -> InputError:
    return InputError(
        f"{given} too small a budget to train anything on this text and this machine",
        why=f"a model needs at least {FEWEST_STEPS} training steps to learn even common words",
        fix=f"the smallest that works is {smallest}",
    )
