"""The recipe of the page about preferences runs, and its first loss is the one the page promises."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from ingot.cli.main import run
from ingot.flow.home import Home
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.docs.test_recipes import recipes

TURNS = [
    (f"Lift {number} is stuck.", f"I am sorry about {number}.", f"Take the stairs, {number}.") for number in range(60)
]


@pytest.mark.slow
def test_a_model_learns_which_answers_are_better(tmp_path: Path, ingot_home: Path, repository: Path) -> None:
    pages = dict(recipes(repository / "docs/how-to/prefer-answers.md"))
    assert [*pages] == ["prefer.yaml", "rate.yaml"]
    preferences = [dict(zip(("prompt", "chosen", "rejected"), turn, strict=True)) for turn in TURNS]
    write_lines(tmp_path / "preferences.jsonl", preferences)
    ratings = [{"prompt": turn[0], "completion": turn[1 + n % 2], "label": n % 2 == 0} for n, turn in enumerate(TURNS)]
    write_lines(tmp_path / "ratings.jsonl", ratings)
    make_general(tmp_path / "general-model")
    for name, text in pages.items():
        (tmp_path / name).write_text(text)
        assert run(["run", str(tmp_path / name), "--home", str(ingot_home), "--cores", "1"]) == 0

    home = Home(ingot_home)
    for kind, first in (("preferences", math.log(2)), ("ratings", 0.5)):
        facts = home.get(f"acme-{kind}").facts
        assert facts["train_examples"] + facts["held_out_examples"] == len(TURNS)
        assert facts["failures"] == 1
        made = {
            "preferences": ("acme-reference", "acme-preferred"),
            "ratings": ("acme-ratings-reference", "acme-rated"),
        }
        reference, trained = map(home.get, made[kind])
        assert reference.facts["pairs"] == facts["train_examples"]
        losses = [json.loads(line)["loss"] for line in (trained.path / "curve.jsonl").read_text().splitlines()]
        assert losses[0] == pytest.approx(first, abs=2e-2)  # in bf16 rows of another batch round otherwise
        assert losses[-1] < losses[0]


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as lines, and one that is none."""
    path.write_text("\n".join([*map(json.dumps, rows), "{}"]) + "\n")


def make_general(folder: Path) -> None:
    torch.manual_seed(0)
    tokenizer = learn([" ".join(turn) for turn in TURNS], 384)
    sizes = {"width": 32, "layers": 1, "heads": 2, "kv_heads": 1, "head_width": 16, "ffn_width": 64, "context": 512}
    vocabulary = Codec(tokenizer).vocabulary
    save(Decoder(ModelConfig(vocabulary=vocabulary, **sizes)), folder, SpecialTokens(0, (1,), 2))
    write(tokenizer, folder)
