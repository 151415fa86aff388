"""A training that has no room is refused before it begins, with what would have."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.config import literals, load
from ingot.core.errors import InputError
from ingot.core.hardware import memory_bytes
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.model.config import ModelConfig
from ingot.model.convert import read_config
from ingot.plan.dividing import USABLE
from ingot.plan.memory import RUNTIME_BYTES
from ingot.serve.local.fitting import _peak, check_memory, free_bytes, measured
from ingot.serve.ports import TrainingOrder
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec
from tests.registry.made import add

ORDER = TrainingOrder("ft-acme-1", "acme@1")


@pytest.fixture
def start(tmp_path: Path, files: dict[str, Path]) -> Artifact:
    """A checkpoint that is far wider than its weights: only sizes count here."""
    config = replace(read_config(files["config.json"].parent), context=4096, width=512, ffn_width=2048, layers=8)
    return add(Home(tmp_path / "home"), "acme", files=files, facts={"kind": "base", "model": literals(config)})


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    path = tmp_path / "talks.jsonl"
    talk = "def visit(self, node): return self.generic_visit(node)\n"
    lines = [
        {"messages": [{"role": "user", "content": "go on"}, {"role": "assistant", "content": talk * (1 + number % 5)}]}
        for number in range(400)
    ]
    lines[123]["messages"][1]["content"] = talk * 60
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_lengths_are_estimated_and_the_longest_is_found(talks: Path, start: Artifact) -> None:
    codec = Codec.load(start.path)
    lengths = [len(render(json.loads(line)["messages"], codec).ids) for line in talks.read_text().splitlines()]
    found = measured(talks, codec)
    assert found.count == 400
    assert found.longest_tokens == max(lengths)
    assert found.mean_tokens == pytest.approx(sum(lengths) / 400, rel=0.25)


def test_what_fits_is_let_pass(talks: Path, start: Artifact) -> None:
    check_memory(ORDER, start, talks, 64 << 30)


def test_the_nearest_batch_is_named_and_fits(talks: Path, start: Artifact) -> None:
    asked, free = replace(ORDER, batch_size=256), RUNTIME_BYTES + (1700 << 20)
    with pytest.raises(InputError) as caught:
        check_memory(asked, start, talks, free)
    assert caught.value.where == "hyperparameters.batch_size"
    said, _, number = caught.value.fix.rpartition(" ")
    assert said == "the nearest that fits is a batch_size of"
    nearest = int(number)
    check_memory(replace(asked, batch_size=nearest), start, talks, free)
    with pytest.raises(InputError):
        check_memory(replace(asked, batch_size=nearest + 8), start, talks, free)


def test_without_room_for_one_row_shorter_examples_or_another_model_are_named(talks: Path, start: Artifact) -> None:
    model = load(ModelConfig, start.facts["model"], "here")
    one_row = _peak(model, measured(talks, Codec.load(start.path)), replace(ORDER, batch_size=1))
    a_little_less = int((one_row - (4 << 20)) / USABLE)
    with pytest.raises(InputError) as caught:
        check_memory(ORDER, start, talks, a_little_less)
    assert "examples of at most" in caught.value.fix
    with pytest.raises(InputError) as caught:
        check_memory(ORDER, start, talks, RUNTIME_BYTES)
    assert "smaller model" in caught.value.fix
    assert caught.value.where == "model"


def test_what_this_process_holds_is_not_free() -> None:
    assert 0 < free_bytes() < memory_bytes()
