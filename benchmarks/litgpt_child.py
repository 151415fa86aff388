"""Train with litgpt, a few steps whenever a number comes in: run by `train_speed` in an environment of its own.

    python litgpt_child.py SIZES ROWS LENGTH

A line on standard input says how many steps to take; a line of JSON says the processor seconds of each. The first line
is what building and compiling took. Model, loss and precision are those of `litgpt pretrain`: compiled, bf16-mixed
by Lightning Fabric, tied embeddings, clipped gradients, AdamW. That is fused here as well, which litgpt leaves to GPUs:
it is faster on a processor too.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import lightning as L  # type: ignore[import-not-found]  # only in the environment this child runs in
import torch
from litgpt.config import Config  # type: ignore[import-not-found]  # as above
from litgpt.model import GPT  # type: ignore[import-not-found]  # as above
from litgpt.utils import chunked_cross_entropy  # type: ignore[import-not-found]  # as above


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
    fabric = L.Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    config = Config(
        block_size=length,
        n_layer=sizes["layers"],
        n_embd=sizes["width"],
        vocab_size=sizes["vocabulary"],
        padded_vocab_size=sizes["vocabulary"],
        n_head=sizes["heads"],
        n_query_groups=sizes["kv_heads"],
        head_size=sizes["head_width"],
        intermediate_size=sizes["ffn_width"],
        norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP",
        parallel_residual=False,
        rotary_percentage=1.0,
        bias=False,
    )
    model = GPT(config)
    model.transformer.wte.weight = model.lm_head.weight
    assert sum(weight.numel() for weight in model.parameters()) == sizes["parameters"]
    model.max_seq_length = length
    model = fabric.setup(torch.compile(model))
    optimizer = fabric.setup_optimizers(torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), fused=True))
    tokens = torch.randint(sizes["vocabulary"], (rows, length + 1))

    def step() -> None:
        logits = model(tokens[:, :-1].contiguous())
        fabric.backward(chunked_cross_entropy(logits, tokens[:, 1:].contiguous()))
        fabric.clip_gradients(model, optimizer, max_norm=1.0)
        optimizer.step()
        optimizer.zero_grad()

    for _ in range(3):
        step()
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
