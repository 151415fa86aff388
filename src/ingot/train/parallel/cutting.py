"""Cuts of a decoder: matrices by rows or columns, experts by the group, and everything over that by `fully_shard`.

A weight that is cut by tensor or expert parallelism becomes a smaller weight of its own. Over that FSDP2 keeps 1/N of
every weight and moment on each of N processes, gathers a layer when it is needed and sums gradients where they are
kept. Experts that are dealt out are sharded over the remaining processes only: sharding all of them over all would
leave ranks with nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import Shard

from ingot.core.errors import UsageError
from ingot.model.decoder import Attention, Decoder
from ingot.model.layers import FeedForward
from ingot.model.moe import Experts, MixtureOfExperts
from ingot.plan.parallel import ParallelPlan
from ingot.train.adapters import Adapted
from ingot.train.parallel.exchange import dealt, shared

# Along which dimension tensor parallelism cuts each matrix: rows make features, columns read them.
_CUTS = {"q_proj": 0, "k_proj": 0, "v_proj": 0, "o_proj": 1, "gate_proj": 0, "up_proj": 0, "down_proj": 1}


@dataclass(frozen=True)
class Cut:
    """Part `index` of `parts` of a weight along a dimension; the group's ranks have the others, in order."""

    dim: int
    index: int
    parts: int
    group: Any
    is_expert: bool = False


def cut_matrices(decoder: Decoder, mesh: DeviceMesh, cuts: dict[str, list[Cut]]) -> None:
    """Cut the matrices of attention and feed-forwards; `cuts` learns which."""
    group, index, parts = mesh.get_group(), mesh.get_local_rank(), mesh.size()
    for path, block in list(decoder.named_modules()):
        if not isinstance(block, Attention | FeedForward | Experts):
            continue
        for name, dim in _CUTS.items():
            held = getattr(block, name, None)
            if isinstance(held, nn.Parameter):  # of all experts in one
                _keep(block, name, f"{path}.{name}", Cut(dim + 1, index, parts, group), cuts)
            elif isinstance(held, Adapted):
                raise _adapted()
            elif held is not None:
                _keep(held, "weight", f"{path}.{name}.weight", Cut(dim, index, parts, group), cuts)
        if isinstance(block, Attention):
            config = block.config
            block.config = replace(config, heads=config.heads // parts, kv_heads=config.kv_heads // parts)
        shared(block, group)


def _adapted() -> UsageError:
    return UsageError(
        "matrices that adapters stand beside cannot be cut",
        where="--parallel, tensor",
        why="an adapter adds to a whole matrix, and its own matrices are too thin to be worth cutting",
        fix="set tensor to 1: the processes then share the weights (shard)",
    )


def deal_experts(decoder: Decoder, mesh: DeviceMesh, cuts: dict[str, list[Cut]]) -> None:
    """Keep of the experts of each layer a group; `cuts` learns which."""
    cut = Cut(0, mesh.get_local_rank(), mesh.size(), mesh.get_group(), is_expert=True)
    for path, block in list(decoder.named_modules()):
        if isinstance(block, Experts):
            for name in ("gate_proj", "up_proj", "down_proj"):
                _keep(block, name, f"{path}.{name}", cut, cuts)
            dealt(block, len(block.gate_proj), cut.group)


def _keep(owner: nn.Module, name: str, path: str, cut: Cut, cuts: dict[str, list[Cut]]) -> None:
    """Leave of a weight only the part that belongs here."""
    part = getattr(owner, name).detach().chunk(cut.parts, cut.dim)[cut.index].clone()
    setattr(owner, name, nn.Parameter(part))
    cuts.setdefault(path, []).append(cut)


def shard(decoder: Decoder, mesh: DeviceMesh, expert_mesh: DeviceMesh, plan: ParallelPlan) -> None:
    """Shard what the cuts left."""
    # On a processor weights travel as they are: what they are cast to there depends on the product they enter.
    is_narrow = mesh.device_type == "cuda" and decoder.dtype == torch.bfloat16
    exact = MixedPrecisionPolicy(reduce_dtype=torch.float32, cast_forward_inputs=False)
    policy = replace(exact, param_dtype=torch.bfloat16) if is_narrow else exact
    for layer in decoder.layers:
        if isinstance(mlp := layer.mlp, MixtureOfExperts):
            fully_shard(mlp.gate, mesh=mesh, mp_policy=exact)  # a router decides in float32
            if plan.expert > 1:
                fully_shard(
                    mlp.experts,
                    mesh=expert_mesh,
                    mp_policy=policy,
                    # The mesh was made with names; the type allows one without.
                    shard_placement_fn=_evenly(expert_mesh[expert_mesh.mesh_dim_names[-1]].size()),  # type: ignore[index]
                )
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    # The head is read outside the model's own pass, so what the root holds stays gathered until the gradients.
    fully_shard(decoder, mesh=mesh, mp_policy=policy, reshard_after_forward=False)
    for module in decoder.modules():
        if isinstance(module, FSDPModule):
            module.set_force_sum_reduction_for_comms(True)
            module.set_gradient_divide_factor(1.0)


def _evenly(parts: int) -> Any:
    """Return the rule that cuts stacked experts by expert, or inside each where there are fewer than parts."""

    def place(weight: nn.Parameter) -> Shard:
        return Shard(0) if weight.size(0) % parts == 0 or weight.size(1) % parts else Shard(1)

    return place
