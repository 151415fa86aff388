"""Settings of the step `package`: literals only, so they can be part of a fingerprint. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

from ingot.core.errors import UsageError


@dataclass(frozen=True)
class PackageConfig:
    """How a checkpoint becomes a model.

    `engine` "auto" takes the fastest installed engine whose greedy tokens equal the reference's; a name takes that one
    and fails when it does not agree. Each engine answers `prompts` prompts with `tokens` tokens for the certificate.
    """

    engine: str = "auto"
    prompts: int = 6
    tokens: int = 32

    def __post_init__(self) -> None:
        for name in ("prompts", "tokens"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}", where="package", fix=f"{name} must be at least 1")
