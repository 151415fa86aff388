"""The body of `POST /v1/fine_tuning/jobs`, and what of it a training is ordered with."""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Any, Literal

from pydantic import Field

from ingot.serve.ports import TrainingOrder
from ingot.serve.refusal import Refusal
from ingot.serve.wire.fields import Asked, told

MOST_EPOCHS, LARGEST_BATCH, LARGEST_FACTOR = 50, 256, 100.0
_SUFFIX = r"^[a-zA-Z0-9._-]{1,64}$"
_LONGEST_NAME = 88  # what is made on the way is called the same, and a little more


class Hyperparameters(Asked):
    """How to train; "auto" leaves it to the plan."""

    n_epochs: Annotated[
        Literal["auto"] | Annotated[int, Field(ge=1, le=MOST_EPOCHS)],
        told(f'"auto" or a whole number from 1 to {MOST_EPOCHS}'),
    ] = "auto"
    batch_size: Annotated[
        Literal["auto"] | Annotated[int, Field(ge=1, le=LARGEST_BATCH)],
        told(f'"auto" or a whole number from 1 to {LARGEST_BATCH}'),
    ] = "auto"
    learning_rate_multiplier: Annotated[
        Literal["auto"] | Annotated[float, Field(gt=0, le=LARGEST_FACTOR)],
        told(f'"auto" or a number above 0, up to {LARGEST_FACTOR:g}'),
    ] = "auto"


class Supervised(Asked):
    """Settings of the method `supervised`."""

    hyperparameters: Hyperparameters | None = None


class Method(Asked):
    """How to learn from the examples. What belongs to methods that are not offered is read, and then refused."""

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None
    dpo: dict[str, Any] | None = None
    reinforcement: dict[str, Any] | None = None


class JobRequest(Asked):
    """`POST /v1/fine_tuning/jobs`."""

    model: str
    training_file: str
    validation_file: str | None = None
    hyperparameters: Hyperparameters | None = None
    method: Method | None = None
    suffix: Annotated[str, Field(pattern=_SUFFIX), told("1 to 64 letters, digits, '.', '_' and '-'")] | None = None
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] | None = None
    integrations: list[dict[str, Any]] | None = Field(None, max_length=16)
    metadata: (
        Annotated[
            dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
            Field(max_length=16),
            told("at most 16 pairs: a name of up to 64 characters, and a text of up to 512"),
        ]
        | None
    ) = None

    @property
    def settings(self) -> Hyperparameters:
        """The hyperparameters, at their newer place or the older one."""
        newer = self.method.supervised.hyperparameters if self.method and self.method.supervised else None
        return newer or self.hyperparameters or Hyperparameters()


def check(body: JobRequest) -> None:
    """Raise Refusal for what this server does not do."""
    if body.method is not None and body.method.type != "supervised":
        message = f"method.type {body.method.type!r} is not offered here yet: send examples, with 'supervised'"
        raise Refusal(400, message, param="method.type", code="unsupported_method")
    if body.integrations:
        message = "integrations are not offered: a training here tells nothing to others; read its events instead"
        raise Refusal(400, message, param="integrations", code="unsupported_parameter")
    if body.hyperparameters and body.method and body.method.supervised and body.method.supervised.hyperparameters:
        message = "hyperparameters are given twice: leave out the older place, and keep method.supervised"
        raise Refusal(400, message, param="hyperparameters", code="invalid_value")


def ordered(body: JobRequest, base: str, most_minutes: int | None) -> TrainingOrder:
    """Return the order of a request that was checked, under a name of its own; `base` is the version it begins with."""
    settings = body.settings
    epochs, examples, factor = settings.n_epochs, settings.batch_size, settings.learning_rate_multiplier
    return TrainingOrder(
        name=_name(base.partition("@")[0], body.suffix),
        base=base,
        epochs=0 if epochs == "auto" else epochs,
        batch_size=0 if examples == "auto" else examples,
        rate_factor=1.0 if factor == "auto" else factor,
        seed=secrets.randbelow(1 << 31) if body.seed is None else body.seed,
        most_seconds=60.0 * (most_minutes or 0),
    )


def _name(base: str, suffix: str | None) -> str:
    end = f"{f'-{suffix}' if suffix else ''}-{secrets.token_hex(4)}"
    name = f"ft-{base.removeprefix('ft-')[: _LONGEST_NAME - len(end) - 3]}{end}"
    return re.sub(r"\.{2,}", ".", name)  # a name holds no two dots in a row, for it becomes a folder
