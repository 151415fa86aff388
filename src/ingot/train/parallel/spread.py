"""A model spread over processes: cut, wrapped and sharded from outside, and known part by part.

Each way to divide has its own file: layers in a row (pipeline), rows along their tokens (context), matrices, experts
and all that is left (cutting). Losses and gradients stay sums until the trainer divides them by the count of all rows,
so nothing is averaged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor, Shard
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

from ingot.model.decoder import Decoder
from ingot.plan.parallel import ParallelPlan
from ingot.train.objective import Loss, Objective, TensorBatch
from ingot.train.parallel.context import Context
from ingot.train.parallel.cutting import Cut, cut_matrices, deal_experts, shard
from ingot.train.parallel.dealing import Deal
from ingot.train.parallel.passing import Passing, learn_in_row
from ingot.train.parallel.pipeline import Pipeline, Stage
from ingot.train.parallel.placement import Compute, Placement, Region
from ingot.train.parallel.ranks import Ranks

_EMBEDDING = "embed_tokens.weight"


def spread(decoder: Decoder, plan: ParallelPlan, ranks: Ranks) -> Placement:
    """Cut, wrap and shard a decoder in place; it must be equal on all ranks. Returns who holds what.

    A decoder without memory (on the meta device) is cut as well: only what is left needs memory then.
    """
    kind = next(decoder.parameters()).device.type.replace("meta", "cuda" if torch.cuda.is_available() else "cpu")
    sizes = {"pipeline": plan.pipeline, "data": plan.data, "parts": plan.parts, "tensor": plan.tensor}
    dense = init_device_mesh(kind, tuple(sizes.values()), mesh_dim_names=tuple(sizes))
    dealt = {**sizes, "outer": plan.parts // plan.expert, "expert": plan.expert}
    names = ("pipeline", "data", "outer", "expert", "tensor")
    sparse = init_device_mesh(kind, tuple(dealt[name] for name in names), mesh_dim_names=names)
    like = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in decoder.state_dict().items()}
    context, stage = _context(kind, plan), _stage(dense, plan)
    stage.keep(decoder)
    pipeline = Pipeline(decoder, stage, context) if stage.stages > 1 else None
    if pipeline is None and context.parts > 1:
        Passing(decoder, context)
    cuts: dict[str, list[Cut]] = {}
    if plan.tensor > 1:
        cut_matrices(decoder, dense["tensor"], cuts)
    if plan.expert > 1:
        deal_experts(decoder, sparse["expert"], cuts)
    if plan.data * plan.parts > 1:
        both = ("data", "parts") if plan.data > 1 else ("parts",)
        shard(decoder, dense[both], sparse[("data", "outer") if plan.data > 1 else ("outer",)], plan)
    return Spread(decoder, plan, ranks, dense, cuts, like, stage, context, pipeline)


class Spread(Placement):
    """A decoder of which every rank holds a part."""

    def __init__(
        self,
        decoder: Decoder,
        plan: ParallelPlan,
        ranks: Ranks,
        mesh: DeviceMesh,
        cuts: Mapping[str, Sequence[Cut]],
        like: Mapping[str, tuple[tuple[int, ...], torch.dtype]],
        stage: Stage,
        context: Context,
        pipeline: Pipeline | None,
    ) -> None:
        self.ranks, self._plan, self._cuts, self._like = ranks, plan, cuts, like
        self._stage, self._context, self._pipeline = stage, context, pipeline
        self._data, self._part, self._tensor = (mesh.get_local_rank(name) for name in ("data", "parts", "tensor"))
        self._tensor_group = mesh.get_group("tensor")
        self.reader, self.readers, self.stages = plan.reader(ranks.rank), plan.readers, plan.pipeline
        self.is_counted = self._tensor == 0
        self._config = decoder.config
        self._name(decoder)

    def _name(self, decoder: Decoder) -> None:
        self._named = dict(decoder.named_parameters())
        self._names = {id(parameter): name for name, parameter in self._named.items()}

    def give_memory(self, decoder: Decoder, device: torch.device) -> None:
        super().give_memory(decoder, device)
        self._name(decoder)  # parameters with memory are other ones

    def learn(self, decoder: Decoder, objective: Objective, pieces: Sequence[TensorBatch]) -> Loss:
        if self._pipeline is not None:
            return self._pipeline.learn(objective, pieces)
        if self._context.parts > 1:
            return learn_in_row(decoder, objective, pieces[0], self._context)
        return super().learn(decoder, objective, pieces)

    def load(self, decoder: Decoder) -> Tensor:
        if self._pipeline is None:
            return super().load(decoder)
        layers = self._mixtures(range(self._config.layers))
        table_LE = torch.zeros(len(layers), self._config.experts, dtype=torch.int64)
        if own := self._mixtures(self._stage.layers(self._config.layers)):
            table_LE[[layers.index(layer) for layer in own]] = self._pipeline.load().cpu()
        return table_LE

    def load_here(self, tokens_LE: Tensor) -> Tensor:
        layers = self._mixtures(range(self._config.layers))
        own = self._mixtures(self._stage.layers(self._config.layers))
        return tokens_LE[[layers.index(layer) for layer in own]]

    def _mixtures(self, layers: range) -> list[int]:
        return [layer for layer in layers if self._config.has_experts(layer)]

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
        for name, parameter in self._named.items():
            if parameter.grad is None:
                continue
            if self._plan.tensor > 1 and name.endswith(("q_norm.weight", "k_norm.weight")):
                # The norm of queries and keys is the same on all, but each saw its own heads.
                dist.all_reduce(self.local(parameter.grad), group=self._tensor_group)
            if self._is_twice(name):
                self._stage.add_up(self.local(parameter.grad))

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
        if self._data or self._stage.owner(name, self._config.layers) != self._stage.index:
            return False
        region = self.region(name)
        if region is None:
            return self._part == 0 and self._tensor == 0
        return (self._is_cut_by_tensor(name) or self._tensor == 0) and 0 not in region.shape

    def shape(self, parameter: Tensor) -> tuple[int, ...]:
        whole = list(parameter.shape)
        for cut in self._cuts.get(self._names[id(parameter)], ()):
            whole[cut.dim] *= 1 if cut.is_expert else cut.parts
        return tuple(whole)

    def by_whole(self, parameters: Sequence[Tensor], parts: Sequence[Tensor], compute: Compute) -> list[Tensor]:
        computed: dict[int, Tensor] = {}
        for places in self._alike(parameters):
            parameter, some = parameters[places[0]], [parts[place] for place in places]
            deal = _deal(parameter, len(places))
            held = deal.gather(some) if deal else some
            cuts = [cut for cut in self._cuts.get(self._names[id(parameter)], ()) if not cut.is_expert]
            for cut in cuts:
                held = [_joined(one, cut) for one in held]
            held = list(compute(held)) if held else []
            for cut in cuts:
                held = [one.chunk(cut.parts, cut.dim)[cut.index] for one in held]
            computed |= zip(places, deal.scatter(held, some[0]) if deal else held, strict=True)
        return [computed[place] for place in range(len(parameters))]

    def _alike(self, parameters: Sequence[Tensor]) -> list[list[int]]:
        """Group the places of parameters that lie in parts in the same way."""
        groups: dict[Any, list[int]] = {}
        for place, parameter in enumerate(parameters):
            dims = tuple(cut.dim for cut in self._cuts.get(self._names[id(parameter)], ()))
            mesh = getattr(parameter, "device_mesh", None)
            groups.setdefault((mesh, _sharded(parameter), tuple(parameter.shape), dims), []).append(place)
        return list(groups.values())

    def whole_weights(
        self, decoder: nn.Module, wanted: Callable[[str], bool] = lambda _: True
    ) -> Iterator[tuple[str, Tensor]]:
        held = decoder.state_dict()
        for name, (shape, dtype) in self._like.items():
            if not wanted(name):
                continue
            owner = self._stage.owner(name, self._config.layers)
            whole = torch.empty(shape, dtype=dtype, device="meta")
            if owner == self._stage.index:
                known = self._named.get(name)
                whole = held[name] if known is None else self._whole(known, self.local(held[name]))
            yield name, self._sent(whole.detach(), owner)

    def _sent(self, whole: Tensor, owner: int) -> Tensor:
        """Bring a tensor from the first rank of a stage to the first of all, on the processor."""
        first = owner * (self._plan.processes // self._plan.pipeline)
        if owner and self.ranks.rank == first:
            dist.send(whole.cpu().contiguous(), 0)
        if owner and self.ranks.rank == 0:
            whole = torch.empty(whole.shape, dtype=whole.dtype)
            dist.recv(whole, first)
        return whole if whole.is_meta else whole.cpu()

    def _whole(self, parameter: Tensor, part: Tensor) -> Tensor:
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
            whole = _joined(whole, cut)
        return whole

    def _is_cut_by_tensor(self, name: str) -> bool:
        return any(not cut.is_expert for cut in self._cuts.get(name, ()))

    def _is_twice(self, name: str) -> bool:
        """Say whether the first and the last stage have a copy each."""
        return self._stage.stages > 1 and name == _EMBEDDING and self._config.has_tied_embeddings

    def _copies(self, name: str) -> int:
        copies = self._plan.data * (1 if self._is_cut_by_tensor(name) else self._plan.tensor)
        return 2 * copies if self._is_twice(name) else copies


def _joined(part: Tensor, cut: Cut) -> Tensor:
    pieces = [torch.empty_like(part, memory_format=torch.contiguous_format) for _ in range(cut.parts)]
    dist.all_gather(pieces, part.contiguous(), group=cut.group)
    return torch.cat(pieces, cut.dim)


def _sharded(parameter: Tensor) -> tuple[int, int] | None:
    """Return along which dimension of its mesh a weight is sharded, and along which of its own; None if it is not."""
    placements = parameter.placements if isinstance(parameter, DTensor) else ()
    found = [(at, placement.dim) for at, placement in enumerate(placements) if isinstance(placement, Shard)]
    return found[0] if found else None


def _deal(parameter: Tensor, count: int) -> Deal | None:
    sharded = _sharded(parameter)
    if sharded is None or not isinstance(parameter, DTensor) or parameter.device_mesh.size(sharded[0]) == 1:
        return None
    return Deal(count, tuple(parameter.shape), sharded[1], parameter.device_mesh.get_group(sharded[0]))


def _stage(mesh: DeviceMesh, plan: ParallelPlan) -> Stage:
    return Stage(mesh.get_local_rank("pipeline"), plan.pipeline, mesh.get_group("pipeline"))


def _context(kind: str, plan: ParallelPlan) -> Context:
    if plan.context == 1:
        return Context()
    sizes = {"before": plan.pipeline * plan.readers, "context": plan.context, "tensor": plan.tensor}
    mesh = init_device_mesh(kind, tuple(sizes.values()), mesh_dim_names=tuple(sizes))
    return Context(mesh.get_local_rank("context"), plan.context, mesh.get_group("context"))
