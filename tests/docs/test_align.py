"""The commands of the page about aligning run, from a model that goes on with texts to one that answers."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import yaml

from ingot.cli.main import run
from ingot.core.config import literals
from ingot.flow.home import Home
from ingot.infer.template import learned_another
from ingot.model.convert import read_config
from tests.docs.test_commands import command_lines
from tests.infer.tiny_model import make_model
from tests.registry.made import add

ASKED = [f"Is {number} in?" for number in range(30)]


@pytest.fixture
def place(tmp_path: Path, ingot_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {path.name: path for path in make_model(tmp_path / "tiny").iterdir()}
    home = Home(ingot_home)
    facts = {"model": literals(read_config(tmp_path / "tiny"))}
    checkpoint = add(home, "acme-checkpoint", "Checkpoint", files, facts)
    add(home, "acme", files=files, facts={"kind": "base"}, checkpoint=checkpoint.reference)
    talks = [[{"role": "user", "content": text}, {"role": "assistant", "content": "Yes."}] for text in ASKED]
    pairs = [{"prompt": text, "chosen": "Gladly.", "rejected": "No."} for text in ASKED]
    sums = [{"prompt": text, "answer": "Yes."} for text in ASKED]
    files = {"talks": [{"messages": talk} for talk in talks], "pairs": [*pairs, {"prompt": "a"}]}
    for name, rows in {**files, "sums": [*sums, {"answer": "7"}]}.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow  # fifteen steps, each in a process of its own
def test_the_commands_of_the_page(place: Path, ingot_home: Path, repository: Path) -> None:
    page = (repository / "docs/how-to/align.md").read_text(encoding="utf-8")
    typed = [
        shlex.split(line)[1:] for line in command_lines(page) if line.startswith(("ingot align ", "ingot chat acme"))
    ]
    assert [words[0] for words in typed] == ["align", "align", "chat"]
    for words in typed:
        assert run([*words, "--home", str(ingot_home)]) == 0

    home = Home(ingot_home)
    model, report = home.get("acme-kind"), home.get("acme-kind-report")
    assert model.facts["kind"] == "chat"
    assert not learned_another(model.facts)
    for figure in ("preference_accuracy", "reward"):
        low, high = report.facts[f"{figure}_interval"]
        assert low <= report.facts[figure] <= high
    assert model.facts["preference_accuracy"] == report.facts["preference_accuracy"]
    assert "pairs of answers that were kept aside" in (model.path / "README.md").read_text()
    assert model.facts["reward"] == report.facts["reward"]
    assert home.get("acme-kind-preferred-checkpoint").facts["preference_accuracy"] >= 0
    assert home.get("acme-kind-checkpoint").facts["held_out_reward"] >= 0
    assert home.get("acme-kind-prompts").facts["failures"] == 1
    assert home.get("acme-kind-pairs").facts["failures"] == 1


def test_the_graph_as_data_begins_with_a_folder(place: Path, ingot_home: Path) -> None:
    files = ("--conversations", "talks.jsonl", "--preferences", "pairs.jsonl")
    written = (*files, "--rank", "4", "--dry-run", "--write-recipe", "kind.yaml")
    assert run(["align", "acme", "--name", "kind", *written, "--home", str(ingot_home)]) == 0
    steps = yaml.safe_load((place / "kind.yaml").read_text())["steps"]
    assert steps["start"]["run"] == "ingot.train.importing:take_in"
    assert run(["run", "kind.yaml", "--dry-run", "--home", str(ingot_home)]) == 0
    assert not Home(ingot_home).versions("kind")


def test_a_model_that_cannot_answer_needs_conversations(
    place: Path, ingot_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["align", "acme", "--name", "kind", "--preferences", "pairs.jsonl", "--home", str(ingot_home)]
    assert run(asked) != 0
    assert "add conversations" in capsys.readouterr().err
