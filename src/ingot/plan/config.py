"""What a plan is made from: the amount of text, the budget, and what the user wants to decide alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ingot.core.config import added
from ingot.core.errors import InputError, UsageError
from ingot.tokenizer.vocabulary import ROW_MULTIPLE, SMALLEST

Layout = Literal["qwen3", "mistral"]

# What the largest vocabulary in use has (Gemma 3, 2025, made for 140 languages).
LARGEST_VOCABULARY = 262_144
VOCABULARY_RULE = f"a multiple of {ROW_MULTIPLE} from {SMALLEST} to {LARGEST_VOCABULARY}"


@dataclass(frozen=True)
class MeasuredVocabulary:
    """How many UTF-8 bytes of the corpus a token covers with a vocabulary of this size."""

    vocabulary: int
    bytes_per_token: float


@dataclass(frozen=True)
class PlanConfig:
    """Exactly one of `seconds`, `joules` and `money` (of the whole build), `steps` and `tokens` is the budget.

    The others stay 0. Money, in any one currency, needs the price of an hour of the machine, of a kWh, or both.

    Zero or an empty string elsewhere means: choose for me. `preset` is a name from the ladder of sizes, such as
    "128x4" (width x layers); `width` and `layers` replace its two numbers. `bytes_per_token_by_vocabulary` is the fact
    of that name of a tokenizer learned from the same text; without it the usual figures are taken.
    """

    train_bytes: int = 0
    held_out_bytes: int = 0
    seconds: float = 0.0
    steps: int = 0
    tokens: int = 0
    vocabulary: int = 0
    preset: str = ""
    width: int = 0
    layers: int = 0
    sequence_length: int = 0
    batch_size: int = 0
    layout: Layout = "qwen3"
    bytes_per_token_by_vocabulary: tuple[MeasuredVocabulary, ...] = ()
    joules: float = added(0.0)
    money: float = added(0.0)
    price_per_hour: float = added(0.0)
    price_per_kwh: float = added(0.0)


def check(config: PlanConfig) -> None:
    """Check the settings a person can get wrong, once. Raises UsageError or InputError saying what to change."""
    budgets = {name: getattr(config, name) for name in ("seconds", "joules", "money", "steps", "tokens")}
    given = [name for name, value in budgets.items() if value]
    if len(given) != 1:
        raise UsageError(
            f"a plan needs exactly one budget, not {len(given)}" + (f" ({' and '.join(given)})" if given else ""),
            fix="give one of --time, --energy, --money, --steps and --tokens, for example --time 10m",
        )
    if budgets[given[0]] < 0:
        raise InputError(f"the budget is negative: {budgets[given[0]]} {given[0]}", fix="give a positive budget")
    if config.money and not (config.price_per_hour or config.price_per_kwh):
        fix = "say what it costs: --price 2.50/h for the machine, --price 0.30/kWh for energy, or both"
        raise UsageError("money is given and no price", where="--money", fix=fix)
    if config.width % 64:
        raise UsageError(f"a width of {config.width} does not fit", why="heads are 64 wide", fix="a multiple of 64")
    if config.vocabulary:
        _check_vocabulary(config.vocabulary)


def _check_vocabulary(size: int) -> None:
    if SMALLEST <= size <= LARGEST_VOCABULARY and size % ROW_MULTIPLE == 0:
        return
    nearest = min(max(round(size / ROW_MULTIPLE) * ROW_MULTIPLE, SMALLEST), LARGEST_VOCABULARY)
    raise UsageError(
        f"a vocabulary of {size} cannot be built",
        where="--vocabulary",
        why=f"it must be {VOCABULARY_RULE}: the smallest holds single bytes and special tokens only",
        fix=f"--vocabulary {nearest}",
    )
