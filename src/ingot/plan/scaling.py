"""Sizes a model can have: a ladder from a tenth of a million parameters to four hundred billion.

A shape is a width and a number of layers; the rest follows by rules that hold along the whole ladder, so a rung is
two numbers. The rules are those of Qwen3 (Qwen team, 2025) and Llama 3 (Grattafiori et al., 2024): heads of 64 or
128, shared keys and values, a gated feed-forward of 8/3 the width, tied token tables while they would dominate.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingot.core.errors import UsageError, suggest
from ingot.model.config import ModelConfig
from ingot.plan.config import Layout, PlanConfig

VOCABULARIES = (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072)
_LADDER = (
    *((64, 2), (128, 2), (128, 4), (192, 4), (256, 4), (256, 6), (320, 6), (384, 8), (512, 8), (640, 10)),
    *((768, 12), (1024, 16), (1536, 20), (2048, 24), (3072, 28), (4096, 32), (5120, 40), (6144, 60), (8192, 80)),
    *((12288, 96), (16384, 144)),
)


@dataclass(frozen=True)
class Shape:
    """A rung of the ladder: how wide the model is and how many layers it has."""

    width: int
    layers: int

    @property
    def name(self) -> str:
        """The preset's name, such as "128x4"."""
        return f"{self.width}x{self.layers}"

    def model(self, vocabulary: int, context: int, layout: Layout = "qwen3") -> ModelConfig:
        """Return the full model description at this size."""
        head_width = 128 if self.width >= 2048 else 64
        heads = self.width // head_width
        return ModelConfig(
            vocabulary=vocabulary,
            width=self.width,
            layers=self.layers,
            heads=heads,
            kv_heads=_kv_heads(heads),
            head_width=head_width,
            # Three matrices of 8/3 the width cost what two of 4 widths did (Shazeer 2020).
            ffn_width=-(-self.width * 8 // 3 // 64) * 64,
            has_qk_norm=layout == "qwen3",
            # The output matrix of a large model earns its own parameters; in a small one it would be most of them.
            has_tied_embeddings=self.width < 4096,
            rope_theta=10_000.0 if context <= 4096 else 1_000_000.0,
            context=context,
        )


def _kv_heads(heads: int) -> int:
    """Half the query heads, at most 8: keys and values are what a long conversation keeps in memory."""
    wanted = min(max(heads // 2, 1), 8)
    return max(count for count in range(1, wanted + 1) if heads % count == 0)


LADDER = tuple(Shape(width, layers) for width, layers in _LADDER)


def shapes(config: PlanConfig) -> tuple[Shape, ...]:
    """Return the shapes the planner may choose from, smallest first: the ladder, or the one the user asked for."""
    if not (config.preset or config.width or config.layers):
        return LADDER
    base = preset(config.preset or "256x4")
    return (Shape(config.width or base.width, config.layers or base.layers),)


def preset(name: str) -> Shape:
    """Return the ladder's shape of this name. Raises UsageError naming the nearest."""
    rungs = {shape.name: shape for shape in LADDER}
    if name not in rungs:
        raise UsageError(f"there is no size {name!r}", fix=suggest(name, rungs))
    return rungs[name]
