"""Give a trained decoder another vocabulary: new rows in its embedding and output matrix, everything else as it is.

What the rows are is decided elsewhere (`tokenizer.transfer`), as a function from an old matrix to a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ingot.model.decoder import Decoder

Rows = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.floating[Any]]]

_MATRICES = ("embed_tokens.weight", "lm_head.weight")


def with_vocabulary(decoder: Decoder, rows: Rows) -> Decoder:
    """Return a decoder with the same layers, whose token matrices [V, D] are what `rows` makes of the old ones.

    The old decoder is left alone; both share nothing.
    """
    tensors = {name: tensor.detach().clone() for name, tensor in decoder.state_dict().items()}
    for name in _MATRICES:
        if name in tensors:
            made = rows(tensors[name].to(torch.float32).cpu().numpy())
            tensors[name] = torch.from_numpy(np.ascontiguousarray(made)).to(tensors[name])
    config = replace(decoder.config, vocabulary=tensors[_MATRICES[0]].size(0))
    with torch.device("meta"):
        moved = Decoder(config, decoder.dtype)
    moved.load_state_dict(tensors, assign=True)
    return moved.requires_grad_(True)
