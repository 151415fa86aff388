"""Conversations become an adapter on the command line, and the adapter answers over the weights of its base."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingot.cli.main import cli
from ingot.core.config import literals
from ingot.flow.home import Home
from ingot.infer.adapted import open_adapter
from ingot.infer.engine import build, greedy
from ingot.model.convert import read_config
from tests.infer.tiny_model import make_model
from tests.registry.made import add

TALKS = [
    [{"role": "user", "content": f"Is it {number}?"}, {"role": "assistant", "content": f"Yes, {number}."}]
    for number in range(24)
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    files = {path.name: path for path in make_model(tmp_path / "tiny").iterdir()}
    home = Home(tmp_path / "home")
    facts = {"model": literals(read_config(tmp_path / "tiny"))}
    checkpoint = add(home, "acme-checkpoint", "Checkpoint", files, facts)
    add(home, "acme", files=files, facts={"kind": "base"}, checkpoint=checkpoint.reference)
    return home


@pytest.mark.slow  # four steps, each in a process of its own
def test_conversations_become_an_adapter(home: Home, tmp_path: Path) -> None:
    talks = tmp_path / "talks.jsonl"
    talks.write_text("".join(json.dumps({"messages": talk}) + "\n" for talk in TALKS))
    arguments = ["adapt", "acme", str(talks), "--name", "sales", "--rank", "2", "--epochs", "1"]
    told = CliRunner().invoke(cli, [*arguments, "--home", str(home.path), "--json"], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    summary = json.loads(told.output.splitlines()[-1])
    assert (summary["artifact"], summary["base"], summary["rank"]) == ("sales@1", "acme@1", 2)
    base, sales = home.get("acme@1"), home.get("sales@1")
    assert "model.safetensors" not in sales.record.files
    with closing(build("torch", base.path)) as engine:
        model = open_adapter(engine, base.reference, base.path, sales.path)
        assert greedy(model, [1, 7, 30], 8)
