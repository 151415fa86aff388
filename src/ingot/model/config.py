"""The sizes of a decoder, and the arithmetic that follows from them alone.

Two published layouts share these sizes: with a norm on each head's queries and keys it is Qwen3's (Qwen team, 2025),
and without it Mistral's (Jiang et al., 2023). Nothing here needs torch: planning and recipes count parameters and
operations from these numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingot.core.errors import UsageError


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of a decoder. `head_width` is the width of one head, `context` the longest sequence it is meant for."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    ffn_width: int
    has_qk_norm: bool = True
    has_tied_embeddings: bool = True
    rope_theta: float = 10_000.0
    norm_epsilon: float = 1e-6
    context: int = 2048

    def __post_init__(self) -> None:
        sizes = ("vocabulary", "width", "layers", "heads", "kv_heads", "head_width", "ffn_width", "context")
        for name in sizes:
            if getattr(self, name) < 1:
                raise _impossible(f"{name} is {getattr(self, name)}", f"{name} must be at least 1")
        if self.heads % self.kv_heads:
            shares = f"{self.heads} query heads cannot share {self.kv_heads} key heads equally"
            raise _impossible(shares, "choose kv_heads so that it divides heads")
        if self.head_width % 2:
            odd = f"head_width {self.head_width} is odd, and rotary positions turn pairs of numbers"
            raise _impossible(odd, "choose an even head_width")

    @property
    def matmul_parameters(self) -> int:
        """Weights every token is multiplied with: all layers and the head, whether or not it is tied."""
        attention = 2 * self.width * self.head_width * (self.heads + self.kv_heads)
        return self.layers * (attention + 3 * self.width * self.ffn_width) + self.vocabulary * self.width

    @property
    def parameters(self) -> int:
        """Every trained number, tied embeddings counted once."""
        qk_norms = 2 * self.head_width if self.has_qk_norm else 0
        norms = self.layers * (2 * self.width + qk_norms) + self.width
        embeddings = 0 if self.has_tied_embeddings else self.vocabulary * self.width
        return self.matmul_parameters + embeddings + norms

    def flops_per_token(self, sequence_length: int) -> float:
        """Operations to train on one token, forward and backward, as the mean over a causal sequence.

        Six per weight (Kaplan et al., 2020, section 2.1) and, per layer and head, two products of half the sequence.
        """
        attention = 6 * self.layers * self.heads * self.head_width * sequence_length
        return 6.0 * self.matmul_parameters + attention


def _impossible(what: str, fix: str) -> UsageError:
    return UsageError(f"this model cannot be built: {what}", where="model config", fix=fix)
