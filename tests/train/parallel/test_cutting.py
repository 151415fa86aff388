"""What cannot be cut is refused in words."""

from __future__ import annotations

import pytest
import torch.distributed as dist
from torch.testing._internal.distributed.fake_pg import FakeStore

from ingot.core.errors import UsageError
from ingot.model.decoder import Decoder
from ingot.plan.parallel import ParallelPlan
from ingot.train.adapters import attach
from ingot.train.config import AdapterConfig
from ingot.train.parallel.ranks import Ranks
from ingot.train.parallel.spread import spread
from tests.train.small import MODEL


def test_adapters_stand_beside_whole_matrices() -> None:
    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
    try:
        with pytest.raises(UsageError, match="cannot be cut") as raised:
            spread(attach(Decoder(MODEL), AdapterConfig()), ParallelPlan(tensor=2), Ranks(0, 2))
    finally:
        dist.destroy_process_group()
    assert "set tensor to 1" in raised.value.fix
