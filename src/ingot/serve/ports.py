"""What a server needs from outside, as protocols. `local` fills them with files, a control plane with its database."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

from ingot.infer.engine import Engine

ModelKind = Literal["base", "chat"]


@dataclass(frozen=True)
class ServedModel:
    """A model that answers: the name callers use, the artifact behind it, and its engine. `created` is Unix time."""

    id: str
    reference: str
    kind: ModelKind
    created: int
    engine: Engine

    @cached_property
    def longest_prompt_bytes(self) -> int:
        """Text longer than this cannot fit the context, whatever it says: every token would be the longest one."""
        codec = self.engine.codec
        return self.engine.context * max(len(codec.token_bytes(token)) for token in range(codec.vocabulary))


class ModelSource(Protocol):
    """Where models come from."""

    def models(self) -> list[ServedModel]:
        """Return every model that is served."""

    def find(self, model_id: str) -> ServedModel | None:
        """Return the model a caller names, or None."""


class Authenticator(Protocol):
    """Who is calling."""

    def principal(self, key: str | None) -> str | None:
        """Return who owns this API key, or None when the caller may not come in."""


@dataclass(frozen=True)
class Usage:
    """What one answered request cost; `seconds` is the time its slot was held."""

    principal: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float


class Meter(Protocol):
    """Who counts what was used."""

    def record(self, usage: Usage) -> None:
        """Count one request, also one that was broken off."""
