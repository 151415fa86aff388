from __future__ import annotations

import numpy as np
import torch

from ingot.data.stream import Batch
from ingot.train.objective import pieces

CPU = torch.device("cpu")


def test_pieces_are_the_batch_in_order() -> None:
    tokens = np.arange(24, dtype=np.int64).reshape(6, 4)
    batch = Batch(tokens, tokens + 1, np.zeros((6, 4), dtype=np.int32))
    cut = list(pieces(batch, 3, CPU))
    assert [len(piece.tokens_BT) for piece in cut] == [2, 2, 2]
    assert torch.cat([piece.tokens_BT for piece in cut]).tolist() == tokens.tolist()
    assert torch.cat([piece.targets_BT for piece in cut]).tolist() == (tokens + 1).tolist()
    assert cut[0].segments_BT.dtype == torch.int32


def test_read_only_rows_are_copied() -> None:
    tokens = np.zeros((2, 3), dtype=np.int64)
    tokens.flags.writeable = False
    (piece,) = pieces(Batch(tokens, tokens, tokens.astype(np.int32)), 1, CPU)
    piece.tokens_BT.add_(1)
    assert not tokens.any()
