"""Fields of requests, and how strictly they are read.

A field that is not listed is refused, and so is a value of another type ("yes" for true, true for 1) or one that asks
for something no engine here does: an answer that silently ignored it would be wrong. Fields that only label a request
are accepted and not used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    WrapValidator,
)
from pydantic import ValidatorFunctionWrapHandler as Validator

MOST_ANSWERS = 8
_MOST_STOPS = 16


class Asked(BaseModel):
    """A part of a request: nothing in it is unknown, nothing is converted, and every number is one."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def told(expected: str) -> WrapValidator:
    """Say what a value of several possible types must be once, instead of once for each type."""

    def validate(value: Any, validator: Validator) -> Any:
        try:
            return validator(value)
        except ValidationError:
            raise ValueError(expected) from None

    return WrapValidator(validate)


@dataclass(frozen=True, eq=False)  # its value may be a list, and annotations are hashed
class only:
    """Let only the value pass that asks for nothing: no engine here does what the others ask for."""

    neutral: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Return what pydantic validates with."""
        return AfterValidator(self._checked).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return what the OpenAPI document says."""
        return {**handler(schema), "enum": [self.neutral]}

    def _checked(self, value: Any) -> Any:
        if value == self.neutral:
            return value
        raise ValueError(f"{json.dumps(self.neutral)} (no model here does more)")


TokenId = Annotated[int, Field(ge=0, lt=1 << 31)]
Prompt = Annotated[
    str | list[str] | list[TokenId] | list[list[TokenId]],
    told("a string, a list of strings, a list of token ids, or a list of such lists"),
]
Stop = Annotated[
    Annotated[str, Field(min_length=1)]
    | Annotated[list[Annotated[str, Field(min_length=1)]], Field(max_length=_MOST_STOPS)],
    told(f"a string or a list of at most {_MOST_STOPS} strings, none of them empty"),
]
Seed = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
MaxTokens = Annotated[int, Field(ge=1, lt=1 << 31)]


class StreamOptions(Asked):
    """How a stream ends; `include_obfuscation` pads chunks against traffic analysis and is not done here."""

    include_usage: bool = False
    include_obfuscation: Annotated[bool, only(False)] | None = None


class Sampled(Asked):
    """How answers are drawn: what every route that generates shares, in both APIs."""

    model: str
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: MaxTokens | None = None
    stop: Stop | None = None
    stream: bool | None = None
    metadata: dict[str, Any] | None = None
    prompt_cache_key: str | None = None

    @property
    def drawn_seed(self) -> int | None:
        """The seed, whatever the API calls it."""
        return getattr(self, "seed", None)

    @property
    def longest(self) -> int | None:
        """How many tokens the answer may have, whatever the API calls it."""
        return self.max_tokens

    @property
    def count(self) -> int:
        """How many answers are asked for."""
        return getattr(self, "n", None) or 1

    @property
    def includes_usage(self) -> bool:
        """Say whether a stream ends with its usage."""
        options = getattr(self, "stream_options", None)
        return options is not None and bool(options.include_usage)


class Penalised(Sampled):
    """What routes that write more than one answer, or steer its words, add."""

    top_k: int | None = Field(None, ge=0, lt=1 << 31)
    n: int | None = Field(None, ge=1, le=MOST_ANSWERS)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
