"""Logits of Ingot's decoder beside those of transformers, in float32, for the four layouts and in both directions.

Each round draws new weights, new tokens and a new sliding window. Once Ingot writes the folder and transformers opens
it, once transformers writes it (in several files) and Ingot opens it; both then read the same tokens, and what counts
is the largest difference of any logit. As a control, the details tell how far logits move when a window is one token
wider: a wrong setting must show, and shows thousands of times more.

Where two experts are equally good to within a rounding, either choice is right and the logits differ: a draw with such
a token is drawn again, and counted. The 32k figure reads 32,768 tokens at once with positions scaled from 4,096.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from benchmarks.report import Figure, publish
from ingot.model.config import ModelConfig, RopeScaling
from ingot.model.convert import SpecialTokens, load, published_config, save
from ingot.model.decoder import Decoder
from ingot.model.moe import MixtureOfExperts

GOAL = 1e-5
EDGE = 1e-5  # logits of a router this near one another may be ordered either way
SPECIAL = SpecialTokens(bos=0, ends=(1,), pad=2)
ROWS, LENGTH, LONG = 2, 700, 32_768
DENSE = ModelConfig(1024, 96, 3, 6, 2, 16, 256, has_tied_embeddings=False, context=1024)
MIXED = dataclasses.replace(DENSE, experts=8, experts_per_token=2, expert_ffn_width=64, balance_loss=0.001)
YARN = RopeScaling("yarn", 8.0, 128)
LAYOUTS: dict[str, tuple[ModelConfig, ...]] = {
    "mistral": (
        dataclasses.replace(DENSE, has_qk_norm=False),
        dataclasses.replace(DENSE, has_qk_norm=False, rope_scaling=RopeScaling("linear", 4.0)),
    ),
    "qwen3": (
        DENSE,
        dataclasses.replace(DENSE, has_tied_embeddings=True, full_attention_layers=(1,), sliding_window=1),
        dataclasses.replace(DENSE, rope_scaling=YARN),
    ),
    "mixtral": (
        dataclasses.replace(MIXED, has_qk_norm=False, ffn_width=64),
        dataclasses.replace(MIXED, has_qk_norm=False, ffn_width=64, rope_scaling=YARN),
    ),
    "qwen3_moe": (
        MIXED,
        dataclasses.replace(MIXED, dense_layers=(0,), has_normalised_routing=False, experts_per_token=3),
    ),
}


def drawn(model: nn.Module) -> nn.Module:
    """Draw weights so that every one matters: norms away from one, matrices three times as large as at the start."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.06 + (1.0 if parameter.ndim == 1 else 0.0))
    return model


def written_by_ingot(config: ModelConfig, folder: Path) -> tuple[Decoder, Any]:
    """Return both sides of a folder that Ingot wrote."""
    decoder = Decoder(config)
    drawn(decoder)
    save(decoder, folder, SPECIAL, max_file_bytes=400_000)
    model_class: Any = AutoModelForCausalLM
    return decoder, model_class.from_pretrained(folder, dtype=torch.float32).eval()


def written_by_transformers(config: ModelConfig, folder: Path) -> tuple[Decoder, Any]:
    """Return both sides of a folder that transformers wrote."""
    model_class: Any = AutoModelForCausalLM
    theirs = model_class.from_config(AutoConfig.for_model(**published_config(config, SPECIAL))).eval()
    drawn(theirs)
    theirs.save_pretrained(folder, max_shard_size="400KB")
    decoder = load(folder)
    assert decoder.config == config, "what was read is not what was described"
    return decoder, theirs


DIRECTIONS = {"Ingot -> transformers": written_by_ingot, "transformers -> Ingot": written_by_transformers}


def is_on_an_edge(decoder: Decoder, tokens_BT: Tensor) -> bool:
    """Whether some token's choice of experts hangs on a rounding."""
    margins = [float("inf")]

    def note(mixture: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(mixture, MixtureOfExperts)
        logits = inputs[0].float() @ mixture.gate.weight.T
        last = mixture.gate.config.experts_per_token
        best = logits.topk(last + 1).values
        margins.append(float((best[..., last - 1] - best[..., last]).min()))

    mixtures = [module for module in decoder.modules() if isinstance(module, MixtureOfExperts)]
    hooks = [mixture.register_forward_pre_hook(note) for mixture in mixtures]
    with torch.no_grad():
        decoder(tokens_BT)
    for hook in hooks:
        hook.remove()
    return min(margins) < EDGE


def variants(layout: str) -> Iterator[ModelConfig]:
    """Yield a layout's models, each as it is and through a window of a new size."""
    for config in LAYOUTS[layout]:
        window = int(torch.randint(2, LENGTH, ()))
        if config.sliding_window is None:
            yield config
        yield dataclasses.replace(config, sliding_window=window)


def measure(rounds: int) -> tuple[dict[str, list[float]], int]:
    """Return the largest differences by layout and direction, and how many draws were on an edge."""
    found: dict[str, list[float]] = {}
    redrawn = 0
    for done in range(rounds):
        for layout in LAYOUTS:
            for direction, both in DIRECTIONS.items():
                for config in variants(layout):
                    difference = None
                    while difference is None:
                        difference = compare(config, both)
                        redrawn += difference is None
                    found.setdefault(f"{layout}, {direction}", []).append(difference)
                name = f"{layout}, {direction}"
                print(f"round {done + 1}: {name}: {max(found[name]):.2e}", flush=True)
    return found, redrawn


def compare(config: ModelConfig, both: Any) -> float | None:
    """Return the largest difference of a fresh draw, or None where it is on an edge."""
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        decoder, theirs = both(config, Path(folder))
        tokens = torch.randint(config.vocabulary, (ROWS, LENGTH))
        if is_on_an_edge(decoder, tokens):
            return None
        return float((theirs(tokens).logits - decoder.logits(decoder(tokens))).abs().max())


def control() -> dict[str, float]:
    """Return by how much the logits of a draw move when its window is one token wider, and the largest of them."""
    config = dataclasses.replace(LAYOUTS["mistral"][0], sliding_window=int(torch.randint(2, LENGTH // 2, ())))
    decoder = Decoder(config)
    drawn(decoder)
    wider = Decoder(dataclasses.replace(config, sliding_window=(config.sliding_window or 0) + 1))
    wider.load_state_dict(decoder.state_dict())
    tokens = torch.randint(config.vocabulary, (ROWS, LENGTH))
    with torch.no_grad():
        logits, others = decoder.logits(decoder(tokens)), wider.logits(wider(tokens))
    return {
        "difference_of_a_window_one_wider": float((logits - others).abs().max()),
        "largest_logit": float(logits.max()),
    }


def measure_long() -> dict[str, float]:
    """Return the largest difference of the logits of 32,768 tokens, by layout and kind of scaling."""
    small = dataclasses.replace(DENSE, layers=2, heads=2, kv_heads=1, width=64, ffn_width=128, context=LONG)
    found = {}
    for scaling in (
        RopeScaling("yarn", 8.0, 4096),
        RopeScaling("linear", 8.0),
        RopeScaling("llama3", 8.0, 4096, 1.0, 4.0),
    ):
        for has_qk_norm in (True, False):
            config = dataclasses.replace(small, rope_scaling=scaling, has_qk_norm=has_qk_norm)
            with tempfile.TemporaryDirectory() as folder, torch.no_grad():
                decoder, theirs = written_by_ingot(config, Path(folder))
                tokens = torch.randint(config.vocabulary, (1, LONG))
                hidden = theirs.model(tokens).last_hidden_state
                ours = decoder(tokens)
                pairs = zip(hidden.split(4096, 1), ours.split(4096, 1), strict=True)
                differences = [float((theirs.lm_head(a) - decoder.logits(b)).abs().max()) for a, b in pairs]
            name = f"{config.layout}, {scaling.kind}"
            found[name] = max(differences)
            print(f"{LONG} tokens: {name}: {found[name]:.2e}", flush=True)
    return found


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="1 round instead of 5")
    is_quick = arguments.parse_args().quick
    rounds = 1 if is_quick else 5
    library: Any = transformers
    library.logging.set_verbosity_error()
    library.logging.disable_progress_bar()
    seed = torch.seed() % 2**32
    torch.manual_seed(seed)
    found, redrawn = measure(rounds)
    long = measure_long()
    doubts = details(found, long, is_quick=is_quick, seed=seed, rounds=rounds, redrawn=redrawn)
    publish("train_parity", figures(found, long), doubts)


def figures(found: Mapping[str, list[float]], long: Mapping[str, float]) -> list[Figure]:
    """Return the two headlines, then each layout and direction."""
    goal = f"<= {GOAL:g}"
    all_, longest = max(map(max, found.values())), max(long.values())
    told = [
        Figure("largest logit difference, four layouts, both directions", all_, "", goal, all_ <= GOAL),
        Figure("largest logit difference at 32,768 tokens", longest, "", goal, longest <= GOAL),
    ]
    return [*told, *(Figure(name, max(each), "", goal, max(each) <= GOAL) for name, each in found.items())]


def details(found: Mapping[str, list[float]], long: Mapping[str, float], **counts: int) -> dict[str, Any]:
    """Return what a reader needs to doubt the numbers."""
    return {
        **counts,
        "control": control(),
        "tokens": [ROWS, LENGTH],
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "threads": torch.get_num_threads(),
        "differences": dict(found),
        "differences_at_32k": dict(long),
    }


if __name__ == "__main__":
    main()
