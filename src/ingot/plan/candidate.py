"""A candidate: one size of model, and what it would make of the budget.

size       a width and a number of layers (scaling), and a vocabulary that the text can fill
rate       tokens per second at this size, from what the probe measured (throughput)
tokens     what fits into the time that the rest of the build leaves (stages), or what was asked for
schedule   those tokens as batches and steps (schedule)
forecast   the bits per byte to expect of the trained model (forecast)
"""

from __future__ import annotations

from dataclasses import dataclass

from ingot.model.config import ModelConfig
from ingot.plan.config import PlanConfig
from ingot.plan.forecast import Forecast, bytes_per_token, forecast
from ingot.plan.scaling import VOCABULARIES, Shape, shapes
from ingot.plan.schedule import Schedule, batch_size, context, schedule, sequence_length, tokens_of_steps
from ingot.plan.stages import other_seconds
from ingot.plan.throughput import PROBED_LENGTH, PROBED_ROWS, Throughput

# A token must be met often enough to be learned: this much text per entry of the vocabulary, a judgement.
TEXT_BYTES_PER_VOCABULARY_ENTRY = 400
# The token table may have this many times the parameters of the layers. A narrow model with a huge table was slower and
# no better: 128x2 was best at 8192 entries (2.7 times), and lost at 16384 (5.3 times).
LARGEST_TABLE = 3
# How many of the largest vocabularies that fit are compared by their forecasts: a judgement too.
VOCABULARIES_TRIED = 3
# Four readings are nearly as good as fresh text, and many more are not (Muennighoff et al. 2023); eight is a judgement.
MOST_READINGS = 8
# Times are guesses about the future: plan to be done a little early.
SAFETY = 0.92


@dataclass(frozen=True)
class Candidate:
    """A model that could be trained within the budget, and what to expect of it; `readings` of the whole text."""

    model: ModelConfig
    schedule: Schedule
    forecast: Forecast
    tokens_per_second: float
    readings: float

    @property
    def training_seconds(self) -> float:
        """Expected seconds of training alone."""
        return self.schedule.tokens / self.tokens_per_second


def candidates(config: PlanConfig, throughput: Throughput, cores: int) -> list[Candidate]:
    """Return a candidate for every size on the ladder with every vocabulary worth a look."""
    return [
        candidate(config, shape, vocabulary, throughput, cores)
        for shape in shapes(config)
        for vocabulary in vocabularies(config, shape)
    ]


def vocabularies(config: PlanConfig, shape: Shape) -> list[int]:
    """Return the vocabulary sizes worth a look: the largest that this text can fill and this shape can carry.

    Where no time decides between them, that is only the very largest.
    """
    if config.vocabulary:
        return [config.vocabulary]
    layers_parameters = shape.model(vocabulary=1, context=1).matmul_parameters
    can_fill = config.train_bytes / TEXT_BYTES_PER_VOCABULARY_ENTRY
    can_carry = LARGEST_TABLE * layers_parameters / shape.width
    fitting = [size for size in VOCABULARIES if size <= min(can_fill, can_carry)] or [VOCABULARIES[0]]
    return fitting[-VOCABULARIES_TRIED:] if config.seconds else fitting[-1:]


def candidate(config: PlanConfig, shape: Shape, vocabulary: int, throughput: Throughput, cores: int) -> Candidate:
    """Work out what this size would make of the budget."""
    token_bytes = bytes_per_token(vocabulary, config.bytes_per_token_by_vocabulary)
    text_tokens = config.train_bytes / token_bytes
    rate = rate_of(shape, vocabulary, throughput)
    tokens = training_tokens(config, text_tokens, rate, cores)
    # The batch depends on the tokens, and a larger one is read faster.
    rate = rate_of(shape, vocabulary, throughput, batch_size(tokens, config) * sequence_length(tokens, config))
    tokens = training_tokens(config, text_tokens, rate, cores)
    planned = schedule(tokens, config)
    model = shape.model(vocabulary, context(tokens, config), config.layout)
    return Candidate(
        model=model,
        schedule=planned,
        forecast=forecast(model, planned.tokens, config.train_bytes, token_bytes),
        tokens_per_second=rate,
        readings=planned.tokens / text_tokens,
    )


def rate_of(
    shape: Shape, vocabulary: int, throughput: Throughput, tokens_per_step: int = PROBED_LENGTH * PROBED_ROWS
) -> float:
    """Return the tokens per second to expect of a size with such steps; its context does not enter."""
    return throughput.of_model(shape.model(vocabulary, context=1), tokens_per_step)


def training_tokens(config: PlanConfig, text_tokens: float, rate: float, cores: int) -> float:
    """Return the tokens to train on at this rate: what the time allows and the text is worth, or what was asked for."""
    if not config.seconds:
        return config.tokens or tokens_of_steps(config)
    seconds = config.seconds * SAFETY - seconds_besides_training(config, cores)
    return min(max(seconds, 0.0) * rate, text_tokens * MOST_READINGS)


def seconds_besides_training(config: PlanConfig, cores: int) -> float:
    """Return the seconds that the rest of the build is expected to take."""
    return sum(other_seconds(config.train_bytes, config.held_out_bytes, cores).values())
