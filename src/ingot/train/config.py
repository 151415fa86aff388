"""Settings of the steps `pretrain` and `probe`: literals only, so they can be part of a fingerprint. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ingot.core.config import added
from ingot.core.errors import UsageError
from ingot.data.mixture import Config as Mixture
from ingot.model.config import ModelConfig

Optimizer = Literal["muon", "adamw"]
Precision = Literal["auto", "bf16", "fp32"]
Shape = Literal["wsd", "cosine"]
Compile = Literal["auto", "on", "off"]

# The sizes a probe trains for a moment: throughput in between is interpolated. The small ones are close together,
# because there a token's cost hardly follows the model's size.
LADDER = (
    ModelConfig(vocabulary=2048, width=64, layers=2, heads=1, kv_heads=1, head_width=64, ffn_width=192),
    ModelConfig(vocabulary=8192, width=128, layers=2, heads=2, kv_heads=1, head_width=64, ffn_width=384),
    ModelConfig(vocabulary=8192, width=256, layers=6, heads=4, kv_heads=2, head_width=64, ffn_width=704),
    ModelConfig(vocabulary=8192, width=384, layers=8, heads=6, kv_heads=3, head_width=64, ffn_width=1024),
)


ATTENTION_MATRICES = ("q_proj", "k_proj", "v_proj", "o_proj")  # all that there are beside experts, which lie stacked
# Every matrix of a layer: adapters on all of them reach what full training reaches, on a few of them they do not
# (Schulman et al., 2025, "LoRA without regret").
LAYER_MATRICES = (*ATTENTION_MATRICES, "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class AdapterConfig:
    """Small matrices beside frozen weights, the only thing that is trained (Hu et al., 2021, "LoRA").

    Each matrix named in `targets` gets two of `rank`, whose product counts `alpha / rank` times. With `is_dora` the
    length of each of its rows is learned apart from the direction (Liu et al., 2024, "DoRA").
    """

    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = LAYER_MATRICES
    is_dora: bool = False

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha <= 0:
            raise _refused("adapters need a rank of at least 1 and an alpha above zero", "8 and 16 suit most runs")
        unknown = sorted(set(self.targets) - set(LAYER_MATRICES))
        if unknown or not self.targets:
            what = f"adapters cannot be put on {unknown[0] if unknown else 'nothing'}"
            raise _refused(what, f"choose among {', '.join(LAYER_MATRICES)}")


@dataclass(frozen=True)
class PretrainConfig:
    """How a model is trained: from random weights, or from those of the step's input `start`.

    With a `start`, `model` says its sizes again (in a recipe `fields: {model: start.model}` takes them from there);
    what changes no weight may differ, such as the context. The optimiser begins anew: the rate climbs again.

    A step reads `batch_size` rows of `sequence_length` tokens, in `accumulate` equal pieces when they do not fit memory
    at once. The learning rate climbs for `warmup_steps`, stays, and falls to zero over the last `decay_fraction` of the
    steps; with `schedule` "cosine" it falls from the warm-up on. With `average_decay` (0.99 to 0.9999) the running mean
    of the weights is what is looked at and published; with `start_share` that share of them is the start's, so that
    less of what it knew is lost (train/averaging.py). With `recompute` layers keep their inputs alone and compute the
    rest again: less memory for a third more work. `precision` "auto" is bf16 where the machine multiplies it in
    hardware, else fp32. Every `checkpoint_every` steps the state is saved, and the newest `keep_checkpoints` are kept;
    0 saves only at the end. Every `evaluate_every` steps the run references in `hooks` are called; 0 calls them only at
    the end. A batch whose gradient is `spike_factor` times as long as usual is skipped (0: never). Every `verify_every`
    steps a gradient is computed twice and compared (0: never). `mixture` weighs the datasets when several Shards are
    among the inputs, by the inputs' names. With `adapters` the weights of the start stay, and small matrices beside
    them are trained. With `compile` "auto" small operations are compiled into one pass where a compiler is at hand, one
    process trains on a processor, and the training is long enough to pay for it; "on" insists. `base_width` is the
    width that `learning_rate` was found at: other widths are brought to it (train/width.py); 0 takes the rate as it is.
    """

    model: ModelConfig
    steps: int
    batch_size: int = 4
    sequence_length: int = 512
    learning_rate: float = 4e-3
    warmup_steps: int = 20
    decay_fraction: float = 0.4
    weight_decay: float = 0.0
    optimizer: Optimizer = "muon"
    precision: Precision = "auto"
    gradient_clip: float = 1.0
    accumulate: int = 1
    seed: int = 0
    checkpoint_every: int = 0
    keep_checkpoints: int = 2
    evaluate_every: int = 0
    hooks: tuple[str, ...] = ()
    objective: str = "next_token"
    objective_options: Mapping[str, Any] = field(default_factory=dict)
    mixture: Mixture = field(default_factory=Mixture)
    spike_factor: float = 10.0
    verify_every: int = 100
    adapters: AdapterConfig | None = None
    base_width: int = added(0)
    schedule: Shape = added("wsd")
    average_decay: float = added(0.0)
    recompute: bool = added(False)
    compile: Compile = added("auto")
    start_share: float = added(0.0)

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "sequence_length", "accumulate", "keep_checkpoints"):
            if getattr(self, name) < 1:
                raise _refused(f"{name} is {getattr(self, name)}", f"{name} must be at least 1")
        if self.batch_size % self.accumulate:
            uneven = f"a batch of {self.batch_size} rows does not divide into {self.accumulate} equal pieces"
            raise _refused(uneven, "choose `accumulate` so that it divides `batch_size`")
        if not 0 <= self.decay_fraction <= 1:
            raise _refused(f"decay_fraction is {self.decay_fraction}", "choose a share of the steps between 0 and 1")
        if not 0 <= self.average_decay < 1:
            what = f"average_decay is {self.average_decay}"
            raise _refused(what, "choose 0 for the weights as they are, or a share below 1 such as 0.999")
        if not 0 <= self.start_share < 1 or (self.start_share and self.adapters):
            what = f"start_share is {self.start_share}" + (", with adapters" if self.adapters else "")
            raise _refused(what, "choose 0, or a share below 1 such as 0.2; adapters leave the start as it is")
        if self.learning_rate <= 0 or self.gradient_clip <= 0:
            raise _refused("learning_rate and gradient_clip must be above zero", "4e-3 and 1.0 suit most runs")
        if self.base_width < 0:
            raise _refused(f"base_width is {self.base_width}", "give the width the rate was found at, or 0")


@dataclass(frozen=True)
class ProbeConfig:
    """Sizes to train for about `seconds_per_size` each, with batches like those of a real run."""

    models: tuple[ModelConfig, ...] = LADDER
    seconds_per_size: float = 2.0
    batch_size: int = 4
    sequence_length: int = 512
    optimizer: Optimizer = "muon"
    precision: Precision = "auto"


@dataclass(frozen=True)
class ImportConfig:
    """There is nothing to set: what is taken in is what the folder holds."""


@dataclass(frozen=True)
class MergeConfig:
    """There is nothing to set: the sum is what the adapters computed."""


@dataclass(frozen=True)
class GrowConfig:
    """What a model becomes without answering otherwise; zero leaves a size as it is.

    `layers` new ones begin as copies that add nothing yet. `width_factor` repeats the stream, the heads and the
    feed-forwards so many times, and divides what reads them into unequal parts, drawn from the seed: equal ones would
    stay equal for ever. `experts` turns every feed-forward into so many copies, `experts_per_token` of which read a
    token (Komatsuzaki et al., 2023, "Sparse upcycling").
    """

    layers: int = 0
    width_factor: int = 1
    experts: int = 0
    experts_per_token: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.width_factor < 1:
            raise _refused(f"width_factor is {self.width_factor}", "2 doubles the width, 1 leaves it")
        if self.layers < 0 or self.experts < 0:
            raise _refused("layers and experts cannot be negative", "0 leaves them as they are")


def _refused(what: str, fix: str) -> UsageError:
    return UsageError(f"this training cannot run: {what}", where="training config", fix=fix)
