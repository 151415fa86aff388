"""Train a small model in plain torch for some processor-seconds: run by `train_quality`, nothing of Ingot in it.

    python plain_child.py SIZES TOKENS SECONDS WEIGHTS

This is the recipe of the first notes of this project, from before it had kernels or a planner: torch's own attention,
the trunk through `torch.compile`, cross-entropy by chunks so that the logits never exist at once, weights in float32
multiplied in bf16. Muon moves the matrices of the layers and AdamW the rest, both at 4e-3; the rate climbs for 20
steps, stays until 60 per cent of the time, and falls in a line. Rows of 512 tokens are cut anywhere from one long row
of tokens (TOKENS, a .npy file), documents running into one another.

SIZES is a JSON object. A number of seconds per line comes in, it trains at least so long and answers with the
processor-seconds spent so far, compilers included, and the steps done. When SECONDS are spent it saves WEIGHTS
(safetensors, named as Qwen3's) and ends.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

ROWS, LENGTH, RATE, WARMUP_STEPS, STAYS, LEAST = 4, 512, 4e-3, 20, 0.6, 0.02
CHUNK, THETA, EPSILON = 512, 10_000.0, 1e-6
QUINTIC, NEWTON_SCHULZ_STEPS, MOMENTUM = (3.4445, -4.7750, 2.0315), 5, 0.95
Rotation = tuple[Tensor, Tensor]


class Linear(nn.Linear):
    """A matrix kept in float32 and multiplied in the dtype of what it is given."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype))


class Norm(nn.Module):
    """Root-mean-square norm, in float32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), (x.size(-1),), self.weight, EPSILON).to(x.dtype)


class Attention(nn.Module):
    """Causal attention with a norm on queries and keys, by torch's own kernel."""

    def __init__(self, sizes: dict[str, int]) -> None:
        super().__init__()
        width, self.head_width = sizes["width"], sizes["head_width"]
        self.is_grouped = sizes["heads"] != sizes["kv_heads"]
        self.q_proj = Linear(width, sizes["heads"] * self.head_width)
        self.k_proj = Linear(width, sizes["kv_heads"] * self.head_width)
        self.v_proj = Linear(width, sizes["kv_heads"] * self.head_width)
        self.o_proj = Linear(sizes["heads"] * self.head_width, width)
        self.q_norm, self.k_norm = Norm(self.head_width), Norm(self.head_width)

    def forward(self, x: Tensor, rotation: Rotation) -> Tensor:
        q, k, v = (
            project(x).unflatten(-1, (-1, self.head_width)) for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = rotated(self.q_norm(q), rotation), rotated(self.k_norm(k), rotation)
        y = F.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True, enable_gqa=self.is_grouped
        )
        out: Tensor = self.o_proj(y.transpose(1, 2).flatten(2))
        return out


def rotated(x: Tensor, rotation: Rotation) -> Tensor:
    """Turn the two halves of each head by the angle of their position."""
    cosine, sine = rotation
    a, b = x.chunk(2, -1)
    return torch.cat((a * cosine - b * sine, b * cosine + a * sine), -1)


class FeedForward(nn.Module):
    """A gated feed-forward."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = Linear(width, inner), Linear(width, inner), Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    """Attend, then feed forward."""

    def __init__(self, sizes: dict[str, int]) -> None:
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = Norm(sizes["width"]), Norm(sizes["width"])
        self.self_attn, self.mlp = Attention(sizes), FeedForward(sizes["width"], sizes["ffn_width"])

    def forward(self, x: Tensor, rotation: Rotation) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), rotation)
        return x + self.mlp(self.post_attention_layernorm(x))  # type: ignore[no-any-return]  # modules are untyped


class Model(nn.Module):
    """Tokens in, hidden states in bf16 out; the token table is the head, too."""

    def __init__(self, sizes: dict[str, int]) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(sizes["vocabulary"], sizes["width"])
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes["layers"]))
        self.norm = Norm(sizes["width"])
        half = sizes["head_width"] // 2
        angles = torch.outer(torch.arange(LENGTH).float(), THETA ** -(torch.arange(half).float() / half))
        self.register_buffer("cosine", angles.cos()[None, :, None].bfloat16(), persistent=False)
        self.register_buffer("sine", angles.sin()[None, :, None].bfloat16(), persistent=False)
        small = 0.02 / math.sqrt(2 * sizes["layers"])
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                nn.init.normal_(weight, std=small if name.endswith(("o_proj.weight", "down_proj.weight")) else 0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed_tokens(tokens).bfloat16()
        for layer in self.layers:
            x = layer(x, (self.cosine, self.sine))
        hidden: Tensor = self.norm(x)
        return hidden


def softmax_gradient(logits: Tensor, targets: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Return the summed loss, and the gradient of the logits times `scale`."""
    logits32 = logits.float()
    most = logits32.amax(-1, keepdim=True)
    odds = (logits32 - most).exp()
    total = odds.sum(-1, keepdim=True)
    loss = (total.log() + most).squeeze(-1) - logits32.gather(1, targets[:, None]).squeeze(1)
    is_target = torch.arange(logits.size(1))[None] == targets[:, None]
    return loss.sum(), (odds * (scale / total) - torch.where(is_target, scale, 0.0)).to(logits.dtype)


compiled_gradient: Callable[..., tuple[Tensor, Tensor]] = torch.compile(softmax_gradient, dynamic=False)


class ChunkedCrossEntropy(torch.autograd.Function):
    """The mean loss, by so many rows at a time; gradients are made on the way there."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        rounded, total = head.to(hidden.dtype), torch.zeros(())
        dhidden, dhead = torch.empty_like(hidden), torch.zeros(head.shape)
        for at in range(0, len(hidden), CHUNK):
            part = hidden[at : at + CHUNK]
            loss, dlogits = compiled_gradient(part @ rounded.t(), targets[at : at + CHUNK], 1.0 / len(hidden))
            total = total + loss
            torch.mm(dlogits, rounded, out=dhidden[at : at + CHUNK])
            dhead += dlogits.t() @ part
        ctx.save_for_backward(dhidden, dhead)
        return total / len(hidden)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        dhidden, dhead = ctx.saved_tensors
        return dhidden * gradients[0].to(dhidden.dtype), dhead * gradients[0], None


def orthogonal(x: Tensor) -> Tensor:
    """Bring the singular values of stacked matrices near one (Newton-Schulz)."""
    x = x.bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    is_tall = x.size(-2) > x.size(-1)
    x = x.mT if is_tall else x
    a, b, c = QUINTIC
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.mT if is_tall else x


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal, matrices of one shape together, steps as large as AdamW's."""

    def __init__(self, matrices: Sequence[nn.Parameter], rate: float) -> None:
        shapes = {matrix.shape: [one for one in matrices if one.shape == matrix.shape] for matrix in matrices}
        super().__init__([{"params": alike} for alike in shapes.values()], {"lr": rate})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # torch's may return the closure's loss
        for group in self.param_groups:
            matrices, state = group["params"], self.state[group["params"][0]]
            gradients = torch.stack([matrix.grad for matrix in matrices])
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(gradients)
            state["momentum"].lerp_(gradients, 1 - MOMENTUM)
            updates = orthogonal(gradients.lerp_(state["momentum"], MOMENTUM)).float()
            as_large_as_adamw = 0.2 * max(matrices[0].shape) ** 0.5
            torch._foreach_add_(matrices, list(updates.unbind(0)), alpha=-group["lr"] * as_large_as_adamw)


def seconds() -> float:
    """Return the processor time of this process and the compilers it ran."""
    told = os.times()
    return told.user + told.system + told.children_user + told.children_system


def trained(model: Model, tokens: Tensor, budget: float) -> Iterator[tuple[float, int]]:
    """Train until the budget is spent; yield the seconds spent and the steps done after each."""
    matrices = [weight for weight in model.layers.parameters() if weight.ndim == 2]
    inner = {id(weight) for weight in matrices}
    rest = [weight for weight in model.parameters() if id(weight) not in inner]
    optimizers = (torch.optim.AdamW(rest, lr=RATE, fused=True, betas=(0.9, 0.95)), Muon(matrices, RATE))
    draw = torch.Generator().manual_seed(1)
    spent, done = 0.0, 0
    began = seconds()
    trunk = torch.compile(model, dynamic=False)
    while spent <= budget:
        share = spent / budget
        fall = 1.0 if share < STAYS else max(LEAST, (1 - share) / (1 - STAYS))
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = RATE * min(1.0, (done + 1) / WARMUP_STEPS) * fall
        starts = torch.randint(len(tokens) - LENGTH - 1, (ROWS,), generator=draw)
        rows = torch.stack([tokens[start : start + LENGTH + 1] for start in starts.tolist()])
        hidden = trunk(rows[:, :-1]).flatten(0, 1)
        ChunkedCrossEntropy.apply(hidden, model.embed_tokens.weight, rows[:, 1:].flatten()).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        for optimizer in optimizers:
            optimizer.step()
        model.zero_grad(set_to_none=True)
        done += 1
        # What others do between two lines is not ours: processor time stands still while this process waits.
        spent = seconds() - began
        yield spent, done


def main() -> None:
    """Train as long as someone asks."""
    sizes, path, budget, weights = json.loads(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Model(sizes)
    training = trained(model, torch.from_numpy(np.load(path)), budget)
    spent, done = 0.0, 0
    for line in sys.stdin:
        until = spent + float(line)
        while spent < min(until, budget):
            spent, done = next(training)
        if spent >= budget:
            save_file({f"model.{name}": weight.detach() for name, weight in model.named_parameters()}, weights)
        print(json.dumps([spent, done]), flush=True)


if __name__ == "__main__":
    main()
