"""How much memory training needs at its peak, in bytes, on one of the devices that share it.

Kept all the time are the weights (fp32), the optimiser's moments, and, when steps come in pieces, gradients. On top of
that a step has three summits, and the highest counts (each was counted tensor by tensor in a recorded step):

- the loss: all activations are there, and a few hundred rows of logits with their odds
- the end of the backward pass: activations are gone, gradients are complete
- the update: gradients, and Muon's copies of all matrices of one shape

While a checkpoint is written beside the training, a copy of weights and moments is kept. What the process then takes of
a processor's memory is more than the tensors in it: the allocator of the C library leaves gaps, by a factor fitted to
real trainings (benchmarks/train_planner.py).

Notation and the way of counting per token and layer are those of Korthikanti et al. (2022), for a gated feed-forward.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from ingot.model.config import ModelConfig
from ingot.plan.parallel import ParallelPlan, rows_at_once

ALONE = ParallelPlan()
LOSS_ROWS = 512
ATTENTION_BLOCK = 128
# Python, torch and what it loads when first used, before any weight exists.
RUNTIME_BYTES = 400_000_000
# Kernels made for the sizes a mixture meets, of which so many are kept (core/hardware.py).
MIXTURE_KERNEL_BYTES = 120_000_000
# A CUDA context, its libraries' kernels and their scratch space. Never measured here.
GPU_RUNTIME_BYTES = 2_000_000_000
# What the process takes over what its tensors hold; most of the copy for a checkpoint lies in such gaps. A mixture's
# tensors have other lengths in every step, and between them lie the kernels that are kept: gaps that nothing fits.
GAPS, MIXTURE_GAPS, NARROW_MIXTURE_GAPS, COPY_OUTSIDE_GAPS = 1.26, 1.5, 1.95, 0.2
GPU_GAPS = 1.1
# Of a group of matrices of one shape, while Muon moves it: copies in fp32 and in the dtype it computes in.
_MUON_FP32_COPIES, _MUON_COPIES = 2, 3
# Of a layer's gathered weights, those at work and those of the next.
_LAYERS_GATHERED = 2

Optimizer = Literal["muon", "adamw"]


@dataclass(frozen=True)
class Work:
    """What a step does, as far as memory goes: rows, tokens in a row, pieces, and how it is computed.

    `has_average` keeps a running mean of the weights, `is_recomputed` keeps the inputs of layers alone, `is_saved`
    writes checkpoints beside the training.
    """

    batch_size: int
    sequence_length: int
    accumulate: int = 1
    optimizer: Optimizer = "muon"
    precision: str = "bf16"
    has_average: bool = False
    is_recomputed: bool = False
    is_saved: bool = True
    is_gpu: bool = False


@dataclass(frozen=True)
class Memory:
    """Bytes of one device: what is always there, what the highest summit of a step adds, and what is around it."""

    weights: int
    moments: int
    activations: int
    gradients: int
    loss: int
    update: int
    copy: int
    gaps: int
    runtime: int

    @property
    def tensors(self) -> int:
        """The tensors at the highest summit."""
        return self.peak - self.runtime - self.gaps - self.copy

    @property
    def peak(self) -> int:
        """All of it: the parts of summits that do not count are zero."""
        return sum(getattr(self, field.name) for field in fields(self))


def training_memory(model: ModelConfig, work: Work, plan: ParallelPlan = ALONE) -> Memory:
    """Return the peak memory of one device of a training that `plan` divides."""
    wide = 2 if work.precision == "bf16" else 4
    held = _held(model, plan)
    weights, moments = 4 * held, _moments(model, work, held) + (4 * held if work.has_average else 0)
    pieces, tokens = _pieces(work, plan)
    activations = _activations(model, work, plan, tokens, wide)
    gathered = _gathered(model, plan, wide)
    gradients, table = 4 * held, 4 * model.vocabulary * model.width // plan.tensor
    summits = (
        (activations + gathered, gradients if pieces > 1 else 0, _loss(model, plan, tokens, wide), 0),
        (gathered // 2, gradients, table * 2, 0),
        (0, gradients, 0, _update(model, work, plan, wide)),
    )
    highest = max(summits, key=sum)
    # That of a GPU is made in ordinary memory.
    is_copied = work.is_saved and not work.is_gpu
    copy = int(COPY_OUTSIDE_GAPS * (weights + moments)) if is_copied else 0
    gaps, runtime = _around(model, work, wide)
    return Memory(weights, moments, *highest, copy, int((weights + moments + sum(highest)) * (gaps - 1)), runtime)


def _around(model: ModelConfig, work: Work, wide: int) -> tuple[float, int]:
    """Return the factor of gaps, and the bytes of what is there before any tensor."""
    if work.is_gpu:
        return GPU_GAPS, GPU_RUNTIME_BYTES
    if not model.experts:
        return GAPS, RUNTIME_BYTES
    return NARROW_MIXTURE_GAPS if wide < 4 else MIXTURE_GAPS, RUNTIME_BYTES + MIXTURE_KERNEL_BYTES


def _held(model: ModelConfig, plan: ParallelPlan) -> int:
    """Return how many parameters a device keeps: what cannot be cut, the norms, is too little to count."""
    return -(-model.parameters // (plan.parts * plan.tensor * plan.pipeline))


def _moments(model: ModelConfig, work: Work, held: int) -> int:
    """Return the optimiser's: two in fp32 for AdamW, one for the matrices of layers that Muon moves."""
    if work.optimizer == "adamw":
        return 8 * held
    by_muon = _layer_matrices(model) / model.parameters
    return int(held * (4 * by_muon + 8 * (1 - by_muon)))


def _pieces(work: Work, plan: ParallelPlan) -> tuple[int, int]:
    """Return into how many pieces a device cuts its rows, and the tokens of one."""
    rows = max(work.batch_size // plan.readers, 1)
    pieces = rows_at_once(rows, work.accumulate, plan.readers, plan.pipeline)
    return pieces, -(-rows // pieces) * work.sequence_length // plan.context


def _activations(model: ModelConfig, work: Work, plan: ParallelPlan, tokens: int, wide: int) -> int:
    """Return what is kept for the backward pass, of the layers of a device and of the last norm.

    A pipeline's stage has a share of the layers, and keeps as many pieces at once as there are stages: the same.
    """
    ends = tokens * model.width * (8 + 2 * wide)
    each = [_layer(model, work, plan, tokens, wide, layer) for layer in range(model.layers)]
    if work.is_recomputed:
        return tokens * model.width * wide * model.layers + max(each) + ends
    return sum(each) + ends


def _layer(model: ModelConfig, work: Work, plan: ParallelPlan, tokens: int, wide: int, layer: int) -> int:
    queries, keys = (heads * model.head_width // plan.tensor for heads in (model.heads, model.kv_heads))
    # Both norms keep what they read and what they made of it in fp32; what comes out is read by the matrices.
    norms = model.width * (2 * 8 + 2 * wide) + (8 * (queries + keys) if model.has_qk_norm else 0)
    attention = (2 * queries + 2 * keys) * wide
    per_token = norms + attention + _feed_forward(model, plan, wide, layer)
    odds = 0 if work.is_gpu else _odds(model, plan, work.sequence_length, wide, layer)
    return tokens * (per_token + odds)


def _feed_forward(model: ModelConfig, plan: ParallelPlan, wide: int, layer: int) -> int:
    """Return the bytes a token leaves: gate, its curve, up and their product; for experts also copies of the token."""
    if not model.has_experts(layer):
        return 4 * model.ffn_width // plan.tensor * wide
    routed = model.experts_per_token * (4 * model.expert_ffn_width // plan.tensor + 2 * model.width) * wide
    shared = 4 * model.shared_experts * model.expert_ffn_width // plan.tensor * wide
    router = 4 * model.width if wide < 4 else 0
    return routed + shared + router + 16 * model.experts


def _odds(model: ModelConfig, plan: ParallelPlan, length: int, wide: int, layer: int) -> int:
    """Return the attention's probabilities of a token: of blocks of queries, in rows of one document."""
    window = model.window_of(layer) or length
    keys = (length + ATTENTION_BLOCK) / 2 if window >= length else min(window + ATTENTION_BLOCK, length)
    return int(model.heads // plan.tensor * keys * wide)


def _gathered(model: ModelConfig, plan: ParallelPlan, wide: int) -> int:
    """Return the weights in the dtype they are computed with: of all layers, or of those at work where they are cut."""
    experts = 3 * model.experts * model.width * model.expert_ffn_width
    if plan.parts == 1:
        # In fp32 the weights themselves are read, but for an expert's gate and up, which are laid side by side.
        read = _layer_matrices(model) if wide < 4 else model.moe_layers * experts * 2 // 3
        return read // (plan.tensor * plan.pipeline) * wide
    rest = _layer_matrices(model) // model.layers - (experts * model.moe_layers // model.layers)
    return _LAYERS_GATHERED * (rest + experts // plan.expert) // plan.tensor * wide


def _loss(model: ModelConfig, plan: ParallelPlan, tokens: int, wide: int) -> int:
    """Return logits and odds of some rows, twice where one is still held, and the gradients of head and input."""
    vocabulary = model.vocabulary // plan.tensor
    rows = min(LOSS_ROWS, tokens) * vocabulary * (16 if wide < 4 else 12)
    head = vocabulary * model.width * (4 + (2 * wide if wide < 4 else 4))
    return rows + head + tokens * model.width * wide


def _update(model: ModelConfig, work: Work, plan: ParallelPlan, wide: int) -> int:
    if work.optimizer == "adamw":
        return 0
    gates = (model.layers - model.moe_layers) * 2 * model.width * model.ffn_width
    experts = 2 * model.moe_layers * model.experts * model.width * model.expert_ffn_width
    group = max(gates, experts) // (plan.parts * plan.tensor * plan.pipeline)
    return group * (4 * _MUON_FP32_COPIES + wide * _MUON_COPIES)


def _layer_matrices(model: ModelConfig) -> int:
    tables = model.vocabulary * model.width * (1 if model.has_tied_embeddings else 2)
    return model.parameters - tables
