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
TEXT_BYTES_PER_VOCABULARY_ENTRY = 400
# The token table may have this many times the parameters of the layers. A narrow model with a huge table was slower and
# no better: 128x2 was best at 8192 entries (2.7 times), and lost at 16384 (5.3 times).
LARGEST_TABLE = 3
# Four readings are nearly as good as fresh text, and many more are not (Muennighoff et al. 2023); eight is a judgement.
MOST_READINGS = 8
# A judgement too: a model much larger than its text deserves, by what each is forecast to lose, learns by heart what it
# reads again.
LEAST_SIZE_TO_DATA = 0.35
# Forecasts this close are a tie, and the largest model of a tie is taken: it has the most room to be trained further.
TIE = 0.015
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
    sizes = [(shape, vocabulary) for shape in shapes(config) for vocabulary in vocabularies(config, shape)]
    candidates = [candidate(config, shape, vocabulary, throughput, cores) for shape, vocabulary in sizes]
    trainable = [one for one in candidates if one.schedule.steps >= (1 if config.steps else FEWEST_STEPS)]
    if not trainable:
        raise budget_too_small(config, throughput, cores)
    fitting = [one for one in trainable if not learns_by_heart(one, config)] or [min(trainable, key=size)]
    if config.seconds:
        best = min(one.forecast.bits_per_byte for one in fitting)
        return max((one for one in fitting if one.forecast.bits_per_byte <= best * (1 + TIE)), key=size)
    return balanced(fitting, config)


def check_text(config: PlanConfig) -> None:
    """Raise InputError when there is too little text to learn a language from, or none held out to measure it on."""
    if config.train_bytes >= SMALLEST_TEXT_BYTES and config.held_out_bytes > 0:
        return
    raise InputError(
        f"there is too little text: {config.train_bytes:,} bytes to learn from, {config.held_out_bytes:,} held out",
        why="a model learns from repetition across documents; with less it can only copy",
        fix=f"add documents until {SMALLEST_TEXT_BYTES:,} bytes of text (about five pages) are kept for training",
    )


def vocabularies(config: PlanConfig, shape: Shape) -> list[int]:
    """Return the vocabulary sizes worth a look: the three largest this text can fill and this shape can carry.

    Where no time decides between them, that is only the largest.
    """
    if config.vocabulary:
        return [config.vocabulary]
    body = shape.model(1, 1).matmul_parameters
    limit = min(config.train_bytes / TEXT_BYTES_PER_VOCABULARY_ENTRY, LARGEST_TABLE * body / shape.width)
    fitting = [size for size in VOCABULARIES if size <= limit] or [VOCABULARIES[0]]
    return fitting[-3:] if config.seconds else fitting[-1:]


def candidate(config: PlanConfig, shape: Shape, vocabulary: int, throughput: Throughput, cores: int) -> Candidate:
    """Work out what this size would do with the budget."""
    text_tokens = config.train_bytes / bytes_per_token(vocabulary)
    rate = throughput.tokens_per_second(shape.model(vocabulary, config.sequence_length or 512).flops_per_token(512))
    if config.seconds:
        tokens = min(max(training_seconds(config, cores), 0.0) * rate, text_tokens * MOST_READINGS)
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
    ordered = sorted(candidates, key=size)
    return next((one for one in ordered if size_to_data(one, config) <= 1), ordered[-1])


def learns_by_heart(one: Candidate, config: PlanConfig) -> bool:
    """Say whether the model is so large for a text it reads again and again that it would rather memorise it."""
    return one.readings > 1 and size_to_data(one, config) < LEAST_SIZE_TO_DATA


def size_to_data(one: Candidate, config: PlanConfig) -> float:
    """Return the forecast loss from too little size over that from too little text; below 1 text would help more."""
    seen = fresh_bytes(one.schedule.tokens, config.train_bytes, one.model.vocabulary)
    return size_part(one.model) / data_part(seen)


def size(one: Candidate) -> tuple[int, int]:
    """Order candidates from small to large."""
    return one.model.parameters, one.model.vocabulary


def budget_too_small(config: PlanConfig, throughput: Throughput, cores: int) -> InputError:
    """Return the error that names the smallest budget of the same kind that would work."""
    smallest = replace(config, steps=0, seconds=0.0, tokens=1)
    least_tokens = FEWEST_STEPS * batch_size(1, smallest) * sequence_length(1, smallest)
    if config.tokens:
        return _too_small(f"{config.tokens:,} tokens are", f"--tokens {least_tokens}")
    cheapest = candidate(smallest, shapes(config)[0], vocabularies(config, shapes(config)[0])[0], throughput, cores)
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
