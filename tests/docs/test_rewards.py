"""The recipe of the page about rewards runs, and the reward it shows is one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from ingot.cli.main import run
from ingot.flow.home import Home
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from ingot.train.judging import open_reward
from tests.docs.test_recipes import recipes

PAGE = "docs/how-to/reward-answers.md"
SUMS = [(f"{a}+{b}=", str(a + b)) for a in range(8) for b in range(8)]


@pytest.mark.slow
def test_a_model_is_taught_by_rewards(tmp_path: Path, ingot_home: Path, repository: Path) -> None:
    [(name, text)] = recipes(repository / PAGE)
    (tmp_path / name).write_text(text)
    lines = [json.dumps({"prompt": prompt, "answer": answer}) for prompt, answer in SUMS]
    (tmp_path / "prompts.jsonl").write_text("\n".join([*lines, "{}"]) + "\n")
    folder = tmp_path / "general-model"
    torch.manual_seed(0)
    tokenizer = learn(["user\nassistant\n" * 20, *(prompt + answer for prompt, answer in SUMS)], 300)
    sizes = {"width": 32, "layers": 1, "heads": 2, "kv_heads": 1, "head_width": 16, "ffn_width": 64, "context": 256}
    codec = Codec(tokenizer)
    save(Decoder(ModelConfig(codec.vocabulary, **sizes)), folder, SpecialTokens(codec.bos, (codec.eos,), codec.pad))
    write(tokenizer, folder)

    assert run(["run", str(tmp_path / name), "--home", str(ingot_home), "--cores", "1"]) == 0

    home = Home(ingot_home)
    facts = home.get("acme-prompts").facts
    assert facts["train_examples"] + facts["held_out_examples"] == len(SUMS)
    assert facts["failures"] == 1
    curve = (home.get("acme-rewarded").path / "curve.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in curve]
    assert all({"reward", "answer_tokens", "differing_groups"} <= each.keys() for each in told)


def test_the_reward_on_the_page_judges_answers(tmp_path: Path, repository: Path) -> None:
    [(name, text)] = re.findall(r"^```py\n# (\S+\.py)\n(.*?)^```", (repository / PAGE).read_text(), re.M | re.S)
    (tmp_path / name).write_text(text)
    judge = open_reward(str(tmp_path / name), {"free": 5})
    assert judge("Where?", "Paris", ["Paris", "In Paris", "Rome"]) == [1.0, 0.97, 0.0]
