from __future__ import annotations

import torch
import torch.nn.functional as F

from ingot.data.stream import IGNORED
from ingot.model.decoder import Decoder
from ingot.train.objective import TensorBatch
from ingot.train.objectives.next_token import Config, loss
from tests.train.small import MODEL


def test_it_is_the_mean_cross_entropy_of_documents_read_alone() -> None:
    torch.manual_seed(0)
    decoder = Decoder(MODEL)
    first, second = torch.randint(512, (1, 21)), torch.randint(512, (1, 13))
    alone = sum(
        F.cross_entropy(decoder.logits(decoder(ids[:, :-1]))[0], ids[0, 1:], reduction="sum") for ids in (first, second)
    )
    batch = TensorBatch(
        tokens_BT=torch.cat((first, second), 1),
        targets_BT=torch.cat((first[:, 1:], torch.tensor([[IGNORED]]), second[:, 1:], torch.tensor([[IGNORED]])), 1),
        segments_BT=torch.cat((torch.zeros(1, 21), torch.ones(1, 13)), 1).int(),
    )
    packed = loss(decoder, batch, Config())
    assert packed.count == 20 + 12
    torch.testing.assert_close(packed.total, alone)
