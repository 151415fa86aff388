"""Train with nanochat, a few steps whenever a number comes in: run by `train_speed` beside a copy of its repository.

    NANOCHAT_DTYPE=bfloat16 PYTHONPATH=COPY python nanochat_child.py SIZES ROWS LENGTH

The lines are those of `litgpt_child`. Model, optimiser (Muon, and AdamW for the rest) and step are nanochat's own, the
model compiled as its `base_train` does, full attention in every layer. Its layers differ from ours: a feed-forward of
four times the width without a gate, an untied head, value embeddings.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from typing import Any

import torch
from nanochat.gpt import GPT, GPTConfig  # type: ignore[import-not-found]  # from a copy that the caller names


def seconds() -> float:
    """Return the processor time of this process and the compilers it ran."""
    told = os.times()
    return told.user + told.system + told.children_user + told.children_system


def main() -> None:
    """Train as long as someone asks."""
    sizes: dict[str, Any] = json.loads(sys.argv[1])
    rows, length = map(int, sys.argv[2:4])
    torch.set_num_threads(1)
    began = seconds()
    config = GPTConfig(
        sequence_len=length,
        vocab_size=sizes["vocabulary"],
        n_layer=sizes["layers"],
        n_head=sizes["heads"],
        n_kv_head=sizes["kv_heads"],
        n_embd=sizes["width"],
        window_pattern="L",
    )
    with torch.device("meta"):
        plain = GPT(config)
    plain.to_empty(device="cpu")
    plain.init_weights()
    model: Any = torch.compile(plain, dynamic=False)
    optimizer = plain.setup_optimizer()
    tokens = torch.randint(sizes["vocabulary"], (rows, length + 1))

    def step() -> None:
        loss = model(tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous())
        loss.backward()
        optimizer.step()
        plain.zero_grad(set_to_none=True)

    for _ in range(3):
        step()
    # As base_train does after its first step.
    gc.collect()
    gc.freeze()
    gc.disable()
    print(json.dumps(seconds() - began), flush=True)
    for line in sys.stdin:
        taken = []
        for _ in range(int(line)):
            began = time.process_time()
            step()
            taken.append(time.process_time() - began)
        print(json.dumps(taken), flush=True)


if __name__ == "__main__":
    main()
