"""A model spread over processes: cut, wrapped and sharded from outside, and known part by part.

Two kinds of cuts lie on one another. A weight that is cut by tensor or expert parallelism becomes a smaller weight of
its own. Over that, `fully_shard` (FSDP2) keeps 1/N of every weight and moment on each of the processes that read
different rows, gathers a layer when it is needed and sums gradients where they are kept. Experts that are dealt out are
sharded over the remaining processes only: sharding all of them over all would leave ranks with nothing.

Losses and gradients stay sums until the trainer divides them by the count of all rows, so nothing is averaged here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Shard, distribute_tensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

from ingot.model.decoder import Attention, Decoder
from ingot.model.layers import FeedForward
from ingot.model.moe import Experts, MixtureOfExperts
from ingot.plan.parallel import ParallelPlan
from ingot.train.parallel.exchange import dealt, shared
from ingot.train.parallel.placement import Placement, Region
from ingot.train.parallel.ranks import Ranks

# Along which dimension tensor parallelism cuts each matrix: rows make features, columns read them.
_CUTS = {"q_proj": 0, "k_proj": 0, "v_proj": 0, "o_proj": 1, "gate_proj": 0, "up_proj": 0, "down_proj": 1}


@dataclass(frozen=True)
class _Cut:
    """Part `index` of `parts` of a weight along a dimension; the group's ranks have the others, in order."""

    dim: int
    index: int
    parts: int
    group: Any
    is_expert: bool = False


def spread(decoder: Decoder, plan: ParallelPlan, ranks: Ranks) -> Placement:
    """Cut, wrap and shard a decoder in place; it must be equal on all ranks. Returns who holds what."""
    outer = plan.shard // plan.expert
    # Weights without memory are laid out as a processor's, which is how a plan is tried without hardware.
    kind = next(decoder.parameters()).device.type.replace("meta", "cpu")
    dense = init_device_mesh(kind, (plan.data, plan.shard, plan.tensor), mesh_dim_names=("data", "shard", "tensor"))
    names = ("data", "outer", "expert", "tensor")
    sparse = init_device_mesh(kind, (plan.data, outer, plan.expert, plan.tensor), mesh_dim_names=names)
    cuts: dict[str, list[_Cut]] = {}
    if plan.tensor > 1:
        _cut_matrices(decoder, dense["tensor"], cuts)
    if plan.expert > 1:
        _deal_experts(decoder, sparse["expert"], cuts)
    if plan.data * plan.shard > 1:
        both = ("data", "shard") if plan.data > 1 else ("shard",)
        _shard(decoder, dense[both], sparse[("data", "outer") if plan.data > 1 else ("outer",)], plan)
    return Spread(decoder, plan, ranks, dense, cuts)


class Spread(Placement):
    """A decoder of which every rank holds a part."""

    def __init__(
        self, decoder: Decoder, plan: ParallelPlan, ranks: Ranks, mesh: DeviceMesh, cuts: dict[str, list[_Cut]]
    ) -> None:
        self.ranks, self._plan, self._cuts = ranks, plan, cuts
        self._data, shard, self._tensor = (mesh.get_local_rank(name) for name in ("data", "shard", "tensor"))
        self._tensor_group = mesh.get_group("tensor")
        self.reader, self.readers = self._data * plan.shard + shard, plan.readers
        self.is_counted = self._tensor == 0
        self._named = dict(decoder.named_parameters())
        self._names = {id(parameter): name for name, parameter in self._named.items()}

    def local(self, tensor: Tensor) -> Tensor:
        return tensor.to_local() if isinstance(tensor, DTensor) else tensor

    def gradients(self, decoder: nn.Module) -> list[Tensor]:
        gradients = []
        for name, parameter in self._named.items():
            if parameter.requires_grad:
                assert parameter.grad is not None, f"{name} got no gradient"
                gradients.append(self.local(parameter.grad))
        return gradients

    def complete(self, decoder: nn.Module) -> None:
        for name, parameter in self._named.items() if self._plan.tensor > 1 else ():
            # The norm of queries and keys is the same on all, but each saw its own heads.
            if name.endswith(("q_norm.weight", "k_norm.weight")) and parameter.grad is not None:
                dist.all_reduce(self.local(parameter.grad), group=self._tensor_group)

    def norm(self, gradients: Sequence[Tensor]) -> float:
        lengths = torch.stack([part.double() for part in torch._foreach_norm(list(gradients))]).tolist()
        names = [name for name, parameter in self._named.items() if parameter.requires_grad]
        squares = [length**2 / self._copies(name) for length, name in zip(lengths, names, strict=True)]
        total: float = self.ranks.sums([sum(squares)])[0] ** 0.5
        return total

    def region(self, name: str) -> Region | None:
        parameter = self._named.get(name)
        if parameter is None:
            return None
        shape, offset = tuple(parameter.shape), (0,) * parameter.ndim
        if isinstance(parameter, DTensor):
            shape, offset = compute_local_shape_and_global_offset(
                parameter.shape, parameter.device_mesh, parameter.placements
            )
        begin, whole = list(offset), list(parameter.shape)
        for cut in self._cuts.get(name, ()):
            begin[cut.dim] += cut.index * parameter.shape[cut.dim]
            whole[cut.dim] *= cut.parts
        return Region(tuple(begin), tuple(shape), tuple(whole))

    def is_written(self, name: str) -> bool:
        region = self.region(name)
        if region is None:
            return self.ranks.rank == 0
        return self._data == 0 and (self._is_cut_by_tensor(name) or self._tensor == 0) and 0 not in region.shape

    def shape(self, parameter: Tensor) -> tuple[int, ...]:
        whole = list(parameter.shape)
        for cut in self._cuts.get(self._names[id(parameter)], ()):
            whole[cut.dim] *= 1 if cut.is_expert else cut.parts
        return tuple(whole)

    def wholes(self, parameters: Sequence[Tensor], parts: Sequence[Tensor]) -> list[Tensor]:
        return [self._whole(one, part, False) for one, part in zip(parameters, parts, strict=True)]

    def parts(self, parameters: Sequence[Tensor], wholes: Sequence[Tensor]) -> list[Tensor]:
        return [self._part(one, whole) for one, whole in zip(parameters, wholes, strict=True)]

    def whole_weights(self, decoder: nn.Module) -> Iterator[tuple[str, Tensor]]:
        for name, tensor in decoder.state_dict().items():
            known = self._named.get(name)
            yield name, (tensor if known is None else self._whole(known, self.local(tensor), True)).detach().cpu()

    def _whole(self, parameter: Tensor, part: Tensor, with_experts: bool) -> Tensor:
        whole = part
        if isinstance(parameter, DTensor):
            whole = DTensor.from_local(
                part,
                parameter.device_mesh,
                parameter.placements,
                run_check=False,
                shape=parameter.shape,
                stride=parameter.stride(),
            ).full_tensor()
        for cut in self._cuts.get(self._names[id(parameter)], ()):
            if with_experts or not cut.is_expert:
                pieces = [torch.empty_like(whole) for _ in range(cut.parts)]
                dist.all_gather(pieces, whole.contiguous(), group=cut.group)
                whole = torch.cat(pieces, cut.dim)
        return whole

    def _part(self, parameter: Tensor, whole: Tensor) -> Tensor:
        """Undo `_whole` where experts stayed dealt out."""
        part = whole
        for cut in self._cuts.get(self._names[id(parameter)], ()):
            part = part if cut.is_expert else part.chunk(cut.parts, cut.dim)[cut.index]
        if isinstance(parameter, DTensor):
            mesh, placements = parameter.device_mesh, parameter.placements
            part = distribute_tensor(part.contiguous(), mesh, placements, src_data_rank=None).to_local()
        return part

    def _is_cut_by_tensor(self, name: str) -> bool:
        return any(not cut.is_expert for cut in self._cuts.get(name, ()))

    def _copies(self, name: str) -> int:
        return self._plan.data * (1 if self._is_cut_by_tensor(name) else self._plan.tensor)


def _cut_matrices(decoder: Decoder, mesh: DeviceMesh, cuts: dict[str, list[_Cut]]) -> None:
    group, index, parts = mesh.get_group(), mesh.get_local_rank(), mesh.size()
    for path, block in list(decoder.named_modules()):
        if not isinstance(block, Attention | FeedForward | Experts):
            continue
        for name, dim in _CUTS.items():
            held = getattr(block, name, None)
            if isinstance(held, nn.Parameter):  # of all experts in one
                _keep(block, name, f"{path}.{name}", _Cut(dim + 1, index, parts, group), cuts)
            elif held is not None:
                _keep(held, "weight", f"{path}.{name}.weight", _Cut(dim, index, parts, group), cuts)
        if isinstance(block, Attention):
            config = block.config
            block.config = replace(config, heads=config.heads // parts, kv_heads=config.kv_heads // parts)
        shared(block, group)


def _deal_experts(decoder: Decoder, mesh: DeviceMesh, cuts: dict[str, list[_Cut]]) -> None:
    cut = _Cut(0, mesh.get_local_rank(), mesh.size(), mesh.get_group(), is_expert=True)
    for path, block in list(decoder.named_modules()):
        if isinstance(block, Experts):
            for name in ("gate_proj", "up_proj", "down_proj"):
                _keep(block, name, f"{path}.{name}", cut, cuts)
            dealt(block, len(block.gate_proj), cut.group)


def _keep(owner: nn.Module, name: str, path: str, cut: _Cut, cuts: dict[str, list[_Cut]]) -> None:
    """Leave of a weight only the part that belongs here."""
    part = getattr(owner, name).detach().chunk(cut.parts, cut.dim)[cut.index].clone()
    setattr(owner, name, nn.Parameter(part))
    cuts.setdefault(path, []).append(cut)


def _shard(decoder: Decoder, mesh: DeviceMesh, expert_mesh: DeviceMesh, plan: ParallelPlan) -> None:
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
