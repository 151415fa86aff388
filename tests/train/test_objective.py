from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from ingot.core.errors import UsageError
from ingot.data.stream import Batch
from ingot.flow.artifact import Artifact
from ingot.train.objective import Given, bind, pieces

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


def test_an_objective_gets_what_it_asks_for_and_no_more(inputs: Mapping[str, Artifact]) -> None:
    given = Given({"tokenizer": inputs["tokenizer"].path})

    def plain(decoder: object, batch: object, config: object) -> object:
        return config

    def more(decoder: object, batch: object, config: object, given: Given) -> object:
        return config, given.codec.vocabulary

    # What is bound is looked at, not called with real batches.
    assert bind(plain, "settings", given)(None, None) == "settings"  # type: ignore[arg-type]
    assert bind(more, "settings", given)(None, None) == ("settings", 512)  # type: ignore[arg-type]  # as above


def test_an_input_that_is_not_there_is_named(inputs: Mapping[str, Artifact]) -> None:
    with pytest.raises(UsageError, match="needs an input 'tokenizer'"):
        _ = Given({"tokeniser": inputs["tokenizer"].path}).codec
