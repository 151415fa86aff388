"""How many processes train together, and what each is for: a matter of where, never of what.

The same recipe gives the same model, up to the rounding of sums, on one process or a thousand; so nothing here is part
of a fingerprint. Each size is the number of parts along one way to divide a training:

- data: copies of the model, each of which reads its own rows
- shard: parts the weights and moments of one copy are cut into; each part reads its own rows, too (FSDP, ZeRO-3)
- context: parts each row is cut into along its tokens; they share the weights out among them as `shard` does
- tensor: parts each matrix product is cut into; all of them read the same tokens
- expert: groups the experts of a layer are dealt among; it divides shard x context, whose processes it reuses
- pipeline: runs of layers, one after another; the rows of a step follow one another through them

Ranks count tensor fastest, then context, shard, data and pipeline: who talks most lies closest together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace

from ingot.core.errors import UsageError, suggest
from ingot.model.config import ModelConfig

# Tried inside a machine, and over machines.
_INSIDE, _IN_A_ROW = (1, 2, 4, 8), (2, 4, 8)
# Tokens of a row that one process must at least be left with.
_LONG_PART = 4096


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
        if self.parts % self.expert:
            near = nearest_divisor(self.parts, self.expert)
            whole = "shard" if self.context == 1 else "shard x context"
            raise _refused(f"expert = {self.expert} does not divide {whole} = {self.parts}", f"set expert to {near}")

    @property
    def processes(self) -> int:
        """How many processes it takes."""
        return self.data * self.shard * self.tensor * self.pipeline * self.context

    @property
    def readers(self) -> int:
        """How many processes read rows of their own."""
        return self.data * self.shard

    @property
    def parts(self) -> int:
        """Into how many parts the weights of one copy, or of one run of its layers, are cut."""
        return self.shard * self.context

    def reader(self, rank: int) -> int:
        """Return which of the `readers` a rank is."""
        return rank // (self.tensor * self.context) % self.readers

    def check(
        self,
        model: ModelConfig,
        batch_size: int,
        sequence_length: int | None = None,
        reads_whole_texts: bool = False,
    ) -> None:
        """Raise UsageError, with the nearest that works, when a model or a batch cannot be divided so.

        An objective that answers for a text as a whole `reads_whole_texts`.
        """
        if self.context > 1 and reads_whole_texts:
            raise _refused("this objective needs all tokens of a text in one process", "set context to 1 and use shard")
        if model.layers < self.pipeline:
            what = f"{model.layers} layers cannot be dealt among {self.pipeline} processes in a row"
            raise _refused(what, f"set pipeline to {model.layers}")
        if sequence_length is not None and self.context > 1 and sequence_length % (2 * self.context):
            what = f"rows of {sequence_length} tokens cannot be cut into {2 * self.context} equal pieces"
            longer = _above(sequence_length, 2 * self.context)
            near = max((size for size in range(1, self.context) if sequence_length % (2 * size) == 0), default=1)
            raise _refused(what, f"set context to {near}, or sequence_length to {longer}; each part reads two pieces")
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


def ways(model: ModelConfig, devices: int, per_machine: int, sequence_length: int) -> Iterator[ParallelPlan]:
    """Yield how so many devices can divide a training, those that cost least first.

    Copies and shards talk once a layer, of weights alone. Parts of a row tell their keys, which pays for long rows;
    parts of a matrix tell all they compute. Both stay inside a machine. Runs of layers talk least, but wait for one
    another: over machines, when nothing else fits.
    """
    inside = [(tensor, context) for tensor in _INSIDE for context in _INSIDE if per_machine % (tensor * context) == 0]
    fitting = [
        (tensor, context)
        for tensor, context in inside
        if _is_cut_evenly(model, tensor) and (context == 1 or _is_long(sequence_length, context))
    ]
    for tensor, context in fitting:
        if devices % (tensor * context) == 0:
            for shard in _divisors(devices // (tensor * context)):
                expert = math.gcd(shard * context, model.experts) if model.experts else 1
                data = devices // (tensor * context * shard)
                yield ParallelPlan(data=data, shard=shard, tensor=tensor, expert=expert, context=context)
    tensor, context = max(fitting, key=lambda sizes: (sizes[0] * sizes[1], sizes[0]))
    for pipeline in _IN_A_ROW:
        if devices > per_machine and devices % (tensor * context * pipeline) == 0 and model.layers >= pipeline:
            shard = devices // (tensor * context * pipeline)
            expert = math.gcd(shard * context, model.experts) if model.experts else 1
            yield ParallelPlan(shard=shard, tensor=tensor, expert=expert, context=context, pipeline=pipeline)


def _is_cut_evenly(model: ModelConfig, tensor: int) -> bool:
    return all(width % tensor == 0 for width in (model.heads, model.kv_heads, *_widths(model).values()))


def _is_long(sequence_length: int, context: int) -> bool:
    """Say whether rows are long enough to be cut: what is told grows with a row, what is saved with its square."""
    return sequence_length % (2 * context) == 0 and sequence_length // context >= _LONG_PART


def _divisors(whole: int) -> list[int]:
    return [part for part in range(1, whole + 1) if whole % part == 0]


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


def rows_at_once(rows: int, accumulate: int, readers: int, stages: int = 1) -> int:
    """Return into how many pieces one of `readers` cuts its `rows`: no piece larger than one process would take.

    Through `stages` in a row go at least four pieces for each where there are so many rows: while the first pieces
    come and the last ones go, stages wait, for (stages - 1) / (pieces + stages - 1) of the step.
    """
    least = max(-(-accumulate // readers), 4 * stages if stages > 1 else 1)
    return next(count for count in range(least, rows + 1) if rows % count == 0) if least <= rows else rows


def layers_of(stage: int, stages: int, layers: int) -> range:
    """Return which layers a stage of a pipeline has: as many as the others, or one more or less.

    >>> [layers_of(stage, 3, 8) for stage in range(3)]
    [range(0, 2), range(2, 5), range(5, 8)]
    """
    return range(layers * stage // stages, layers * (stage + 1) // stages)


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
