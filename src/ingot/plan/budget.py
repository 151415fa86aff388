"""From a budget to a plan: the best model this text, this machine and this much time can make.

1. Every size on the ladder, with every vocabulary the text can fill, is a candidate (candidate.py): given seconds, it
   trains on as many tokens as fit into the time that the rest of the build leaves.
2. Candidates with too few steps to learn anything are out, and those that would learn a small text by heart.
3. Given seconds, the lowest forecast of bits per byte on held-out text wins. Few minutes go to a small model that sees
   a lot of text, more time to a larger one (docs/decisions/0003-small-budgets-want-small-models.md). Given tokens or
   steps, time does not count: the model is the one for which more size and more text would help equally (Hoffmann et
   al. 2022, "Training compute-optimal large language models").

The result counts steps, never seconds: the same numbers in give the same plan, and the same plan the same model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ingot.core.errors import InputError
from ingot.plan.candidate import SAFETY, Candidate, candidates, rate_of, seconds_besides_training, vocabularies
from ingot.plan.config import PlanConfig, check
from ingot.plan.forecast import IRREDUCIBLE, bytes_per_token, data_part, fresh_bytes, size_part
from ingot.plan.here import Here
from ingot.plan.paying import in_seconds, power_of, smallest_option
from ingot.plan.scaling import shapes
from ingot.plan.schedule import FEWEST_STEPS, batch_size, sequence_length
from ingot.plan.throughput import Throughput

# About five pages. Less is one story, not a language.
SMALLEST_TEXT_BYTES = 10_000
# Forecasts this close are a tie, and the largest model of a tie is taken: it has the most room to be trained further.
TIE = 0.015
# A judgement: a model much larger than its text deserves, by what each is forecast to lose, learns by heart what it
# reads again.
LEAST_SIZE_TO_DATA = 0.35


def choose(asked: PlanConfig, throughput: Throughput, cores: int, here: Here | None = None) -> Candidate:
    """Return the best candidate that fits into the memory `here`, where that is known.

    Raises InputError naming the smallest text or budget that would work, or the nearest size that fits.
    """
    here = here or Here(throughput, cores, power_of(None, cores))
    check(asked)
    check_text(asked)
    config = in_seconds(asked, here.power)
    trainable = [one for one in candidates(config, throughput, cores) if has_enough_steps(one, config)]
    if not trainable:
        raise budget_too_small(asked, config, here)
    fitting = [made for one in trainable if (made := here.fit(one)) is not None]
    if not fitting:
        raise here.too_large(trainable)
    sound = suited(fitting, config)
    return best_forecast(sound) if config.seconds else balanced(sound, config)


def check_text(config: PlanConfig) -> None:
    """Raise InputError when there is too little text to learn a language from, or none held out to measure it on."""
    if config.train_bytes >= SMALLEST_TEXT_BYTES and config.held_out_bytes > 0:
        return
    raise InputError(
        f"there is too little text: {config.train_bytes:,} bytes to learn from, {config.held_out_bytes:,} held out",
        why="a model learns from repetition across documents; with less it can only copy",
        fix=f"add documents until {SMALLEST_TEXT_BYTES:,} bytes of text (about five pages) are kept for training",
    )


def has_enough_steps(one: Candidate, config: PlanConfig) -> bool:
    """Say whether the model would learn anything; who asks for a number of steps gets it, however small."""
    return bool(config.steps) or one.schedule.steps >= FEWEST_STEPS


def suited(fitting: Sequence[Candidate], config: PlanConfig) -> Sequence[Candidate]:
    """Return the candidates that would not learn the text by heart; if even the smallest would, that one alone.

    For then a larger one is left only because it is too slow to read the text more than once.
    """
    smallest = min(fitting, key=size)
    if learns_by_heart(smallest, config):
        return [smallest]
    return [one for one in fitting if not learns_by_heart(one, config)]


def learns_by_heart(one: Candidate, config: PlanConfig) -> bool:
    """Say whether the model is so large for a text it reads again and again that it would rather memorise it."""
    return one.readings > 1 and size_to_data(one, config) < LEAST_SIZE_TO_DATA


def best_forecast(sound: Sequence[Candidate]) -> Candidate:
    """Return the candidate with the lowest forecast of bits per byte, or the largest of those that tie with it."""
    lowest = min(one.forecast.bits_per_byte for one in sound)
    # Where little is left to gain, a share of the whole would be more than all of it.
    tied = lowest + TIE * min(lowest, 2 * (lowest - IRREDUCIBLE))
    return max((one for one in sound if one.forecast.bits_per_byte <= tied), key=size)


def balanced(sound: Sequence[Candidate], config: PlanConfig) -> Candidate:
    """Return the smallest candidate that would gain less from more size than from more text, or else the largest."""
    ordered = sorted(sound, key=size)
    return next((one for one in ordered if size_to_data(one, config) <= 1), ordered[-1])


def size_to_data(one: Candidate, config: PlanConfig) -> float:
    """Return the forecast loss from too little size over that from too little text; below 1 text would help more."""
    token_bytes = bytes_per_token(one.model.vocabulary, config.bytes_per_token_by_vocabulary)
    seen = fresh_bytes(one.schedule.tokens, config.train_bytes, token_bytes)
    return size_part(one.model) / data_part(seen)


def size(one: Candidate) -> tuple[int, int]:
    """Order candidates from small to large."""
    return one.model.parameters, one.model.vocabulary


def budget_too_small(asked: PlanConfig, config: PlanConfig, here: Here) -> InputError:
    """Return the error that names the smallest budget of the kind that was `asked` that would work."""
    tokens = FEWEST_STEPS * batch_size(1, config) * sequence_length(1, config)
    if config.tokens:
        given, smallest = f"{config.tokens:,} tokens are", f"--tokens {tokens}"
    else:
        paid = "" if asked.seconds else f", which {'--energy' if asked.joules else '--money'} pays for,"
        given = f"{config.seconds:.0f} seconds{paid} are"
        smallest = smallest_option(asked, seconds_for(tokens, config, here.throughput, here.cores), here.power)
    return InputError(
        f"{given} too small a budget to train anything on this text and this machine",
        why=f"a model needs at least {FEWEST_STEPS} training steps to learn even common words",
        fix=f"the smallest that works is {smallest}",
    )


def seconds_for(tokens: int, config: PlanConfig, throughput: Throughput, cores: int) -> int:
    """Return the seconds of a whole build that trains its smallest model on so many tokens, rounded up to tens."""
    smallest = shapes(config)[0]
    per_step = batch_size(1, config) * sequence_length(1, config)
    rate = rate_of(smallest, vocabularies(config, smallest)[0], throughput, per_step)
    seconds = (seconds_besides_training(config, cores) + tokens / rate) / SAFETY
    return math.ceil((seconds + 1) / 10) * 10
