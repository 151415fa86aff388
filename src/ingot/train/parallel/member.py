"""One process of a training that several do together: it joins the others, trains its part, and leaves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import timedelta

import torch
import torch.distributed as dist

from ingot.core.errors import KilledError
from ingot.flow.artifact import Artifact
from ingot.flow.crew import Place
from ingot.flow.step import Facts, StepContext
from ingot.model.decoder import Decoder
from ingot.plan.parallel import planned
from ingot.train.config import PretrainConfig
from ingot.train.parallel.placement import Placement
from ingot.train.parallel.ranks import Ranks, joined
from ingot.train.parallel.spread import spread
from ingot.train.run import train

# Longer than any step; a peer that died is noticed at once, and one that stands still by whoever started it.
_PATIENCE = timedelta(minutes=30)
# What libraries say when a peer is gone.
_OF_PEERS = ("connection", "timed out", "timeout", "peer", "gloo", "nccl", "socket", "store")


def train_part(config: PretrainConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Train as the member that the context says; every member returns the same facts."""
    place = context.crew.place
    assert place is not None, "members are started by a crew"
    plan = planned(place.size, context.crew.settings)
    with _together(place) as ranks:

        def divide(decoder: Decoder) -> Placement:
            plan.check(decoder.config, config.batch_size, config.sequence_length)
            return spread(decoder, plan, ranks)

        return train(config, inputs, context, plan, ranks, divide)


@contextlib.contextmanager
def _together(place: Place) -> Iterator[Ranks]:
    has_device = torch.cuda.is_available()
    if has_device:
        torch.cuda.set_device(place.rank % torch.cuda.device_count())
    backend = "cpu:gloo,cuda:nccl" if has_device else "gloo"
    where = {} if place.meeting == "env://" else {"rank": place.rank, "world_size": place.size}
    try:
        # Both keywords take whole numbers, which a mapping for `**` cannot tell apart from the others.
        dist.init_process_group(backend, init_method=place.meeting, timeout=_PATIENCE, **where)  # type: ignore[arg-type]
        yield joined(_PATIENCE)
        dist.barrier()
    except RuntimeError as error:
        if not any(word in str(error).lower() for word in _OF_PEERS):
            raise
        raise KilledError(
            f"rank {place.rank} of {place.size} lost the others",
            why=str(error).strip().splitlines()[0],
            fix="run the same command again: it goes on from the last checkpoint",
        ) from error
    finally:
        with contextlib.suppress(RuntimeError, ValueError, AssertionError):
            dist.destroy_process_group()
