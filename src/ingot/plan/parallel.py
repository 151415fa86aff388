"""How many processes train together, and what each is for: a matter of where, never of what.

The same recipe gives the same model, up to the rounding of sums, on one process or a thousand; so nothing here is part
of a fingerprint. Each size is the number of parts along one way to divide a training:

- data: copies of the model, each of which reads its own rows
- shard: parts the weights and moments of one copy are cut into; each part reads its own rows, too (FSDP, ZeRO-3)
- tensor: parts each matrix product is cut into; all of them read the same rows
- expert: groups the experts of a layer are dealt among; it divides shard, whose processes it reuses
- pipeline, context: runs of layers, runs of tokens; planned for, not applied yet
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from ingot.core.errors import UsageError, suggest
from ingot.model.config import ModelConfig


@dataclass(frozen=True)
class ParallelPlan:
    """Parts along each way to divide a training; all 1 is one process."""

    data: int = 1
    shard: int = 1
    tensor: int = 1
    expert: int = 1
    pipeline: int = 1
    context: int = 1

    def __post_init__(self) -> None:
        for name, size in asdict(self).items():
            if size < 1:
                raise _refused(f"{name} is {size}", f"set {name} to at least 1")
        if self.shard % self.expert:
            near = nearest_divisor(self.shard, self.expert)
            raise _refused(f"expert = {self.expert} does not divide shard = {self.shard}", f"set expert to {near}")
        for name in ("pipeline", "context"):
            if getattr(self, name) > 1:
                raise _refused(f"{name} parallelism is not built yet", f"set {name} to 1 and use shard or tensor")

    @property
    def processes(self) -> int:
        """How many processes it takes."""
        return self.data * self.shard * self.tensor * self.pipeline * self.context

    @property
    def readers(self) -> int:
        """How many processes read rows of their own."""
        return self.data * self.shard

    def check(self, model: ModelConfig, batch_size: int) -> None:
        """Raise UsageError, with the nearest that works, when a model or a batch cannot be divided so."""
        for name, whole in (("heads", model.heads), ("kv_heads", model.kv_heads)):
            if whole % self.tensor:
                near = nearest_divisor(model.kv_heads, self.tensor)
                raise _refused(f"{whole} {name} cannot be dealt among {self.tensor} processes", f"set tensor to {near}")
        for name, whole in _widths(model).items():
            if whole % self.tensor:
                near = nearest_divisor(whole, self.tensor)
                raise _refused(f"{name} {whole} cannot be cut into {self.tensor} parts", f"set tensor to {near}")
        if self.expert > 1 and not model.experts:
            raise _refused("this model has no experts to deal out", "set expert to 1")
        if model.experts % self.expert:
            near = nearest_divisor(model.experts, self.expert)
            what = f"{model.experts} experts cannot be dealt among {self.expert} processes"
            raise _refused(what, f"set expert to {near}")
        if batch_size % self.readers:
            near = nearest_divisor(batch_size, self.readers)
            what = f"a batch of {batch_size} rows cannot be dealt among {self.readers} processes"
            raise _refused(what, f"use {near} of them, or a batch_size such as {_above(batch_size, self.readers)}")


def planned(processes: int, given: Mapping[str, int]) -> ParallelPlan:
    """Return the plan of that many processes: as given, and the rest shards the weights.

    >>> planned(8, {"tensor": 2})
    ParallelPlan(data=1, shard=4, tensor=2, expert=1, pipeline=1, context=1)
    """
    known = [field.name for field in fields(ParallelPlan)]
    for name in given:
        if name not in known:
            raise UsageError(f"there is no {name!r} parallelism", where="--parallel", fix=suggest(name, known))
    if "shard" in given:
        plan = ParallelPlan(**given)
    else:
        first = replace(ParallelPlan(), **{name: size for name, size in given.items() if name != "expert"})
        plan = replace(first, shard=max(1, processes // first.processes), expert=given.get("expert", 1))
    if plan.processes != processes:
        what = f"{_in_words(given)} does not divide {processes} processes"
        raise _refused(what, f"start {plan.processes} processes, or leave out `shard`, which takes what is left")
    return plan


def read(text: str) -> dict[str, int]:
    """Return the sizes in a text such as `tensor=2,expert=4`.

    >>> read("tensor=2,expert=4")
    {'tensor': 2, 'expert': 4}
    """
    sizes: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        name, _, size = part.partition("=")
        if not size.strip().isdigit():
            raise UsageError(f"{part!r} says no size", where="--parallel", fix="write it like tensor=2,expert=4")
        sizes[name.strip()] = int(size)
    return sizes


def rows_at_once(rows: int, accumulate: int, readers: int) -> int:
    """Return into how many pieces one of `readers` cuts its `rows`: no piece larger than one process would take."""
    least = -(-accumulate // readers)
    return next(count for count in range(least, rows + 1) if rows % count == 0) if least <= rows else rows


def nearest_divisor(whole: int, wanted: int) -> int:
    """Return the divisor of `whole` that is nearest to `wanted`."""
    return min((part for part in range(1, whole + 1) if whole % part == 0), key=lambda part: abs(part - wanted))


def _widths(model: ModelConfig) -> dict[str, int]:
    return {"ffn_width": model.ffn_width, **({"expert_ffn_width": model.expert_ffn_width} if model.experts else {})}


def _above(batch_size: int, readers: int) -> int:
    return -(-batch_size // readers) * readers


def _in_words(given: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {size}" for name, size in given.items())


def _refused(what: str, fix: str) -> UsageError:
    return UsageError(f"this training cannot be divided so: {what}", where="--processes", fix=fix)
