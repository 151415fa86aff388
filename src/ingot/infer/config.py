"""Settings of the steps `package` and `export`: literals only, so they can be part of a fingerprint. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ingot.core.config import added
from ingot.core.errors import UsageError


@dataclass(frozen=True)
class PackageConfig:
    """How a checkpoint becomes a model.

    `engine` "auto" takes the fastest installed engine whose greedy tokens equal the reference's; a name takes that one
    and fails when it does not agree. Each engine answers `prompts` prompts with `tokens` tokens for the certificate.
    A model of the `kind` "chat" has been taught to answer, one of the kind "base" goes on with texts.
    """

    engine: str = "auto"
    prompts: int = 6
    tokens: int = 32
    kind: Literal["base", "chat"] = added("base")

    def __post_init__(self) -> None:
        for name in ("prompts", "tokens"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}", where="package", fix=f"{name} must be at least 1")


@dataclass(frozen=True)
class AdapterPackageConfig:
    """Whether the model, with its adapter, answers ("chat") or goes on with texts ("base")."""

    kind: Literal["base", "chat"] = "chat"


@dataclass(frozen=True)
class ExportConfig:
    """Which exporter writes a model with which type of weights, and how much its certificate measures.

    `evaluated_tokens` of held-out text give log-probabilities and bits per byte, `prompts` beginnings of it are
    continued with `tokens` tokens each, and `tokenised_bytes` of mixed text are tokenised by both.
    """

    to: str = "gguf"
    type: str = "f16"
    prompts: int = 8
    tokens: int = 32
    evaluated_tokens: int = 4096
    tokenised_bytes: int = 10_000_000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("prompts", "tokens", "evaluated_tokens", "tokenised_bytes"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}", where="export", fix=f"{name} must be at least 1")
