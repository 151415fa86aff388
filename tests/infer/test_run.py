from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ingot.core.errors import StepError
from ingot.core.hardware import machine
from ingot.core.plugins import load, names
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home, describe_files
from ingot.flow.step import StepContext
from ingot.infer.config import PackageConfig
from ingot.infer.engine import Engine, build, open_engine
from ingot.infer.parity import Comparison
from ingot.infer.run import choose, package
from tests.registry.made import add

EVENTS: list[tuple[str, dict[str, Any]]] = []


@pytest.fixture(scope="module")
def inputs(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    home = Home(tmp_path_factory.mktemp("home"))
    samples = tmp_path_factory.mktemp("files") / "samples.json"
    samples.write_text(json.dumps([{"uri": "a.py", "prompt": "def held_out(", "continuation": "x", "tokens": 1}]))
    model = {path.name: path for path in model_folder.iterdir() if path.suffix != ".gguf"}
    training = {"curve.jsonl": samples}
    add(home, "acme-dataset", "Dataset", {}, {"documents_kept": 1234, "train_bytes": 5_000_000})
    tokenizer_files = {name: path for name, path in model.items() if name.startswith(("tok", "spec", "chat"))}
    scores = {"bits_per_byte": 1.5, "interval": [1.4, 1.6], "zstd_bits_per_byte": 2.25, "loss": 3.0}
    return {
        "tokenizer": add(home, "acme-tokenizer", "Tokenizer", tokenizer_files, {}, dataset="acme-dataset@1"),
        "checkpoint": add(home, "acme-checkpoint", "Checkpoint", model | training, {"steps": 3}),
        "report": add(home, "acme-report", "Report", {"samples.json": samples}, scores, dataset="acme-dataset@1"),
    }


@pytest.fixture(scope="module")
def packaged(inputs: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder, scratch = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("scratch")

    def emit(kind: str, /, **fields: Any) -> None:
        EVENTS.append((kind, fields))

    facts = package(PackageConfig(prompts=3, tokens=12), inputs, StepContext(folder, scratch, 1, emit))
    return folder, dict(facts)


def test_the_folder_holds_the_model_and_nothing_of_training(packaged: tuple[Path, dict[str, Any]]) -> None:
    assert sorted(path.name for path in packaged[0].iterdir()) == [
        "README.md",
        "certificate.json",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model-f16.gguf",
        "model.safetensors",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_the_facts_say_what_the_model_is(packaged: tuple[Path, dict[str, Any]]) -> None:
    folder, facts = packaged
    assert json.loads(json.dumps(facts)) == facts
    assert facts["kind"] == "base"
    assert facts["bits_per_byte"] == 1.5
    assert facts["zstd_bits_per_byte"] == 2.25
    assert "loss" not in facts
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert facts["parameters"] == sum(weight.numel() for weight in model.parameters())
    assert facts["vocabulary"] == len(AutoTokenizer.from_pretrained(folder))
    assert facts["engines"]["torch"]["agrees"] is True


def test_the_certificate_is_about_the_exported_file(packaged: tuple[Path, dict[str, Any]]) -> None:
    folder, facts = packaged
    certificate = json.loads((folder / "certificate.json").read_text())
    assert certificate["engine"] == facts["engine"]
    assert describe_files(folder)["model-f16.gguf"].sha256 == certificate["sha256"]
    assert certificate["engines"][certificate["engine"]]["agrees"]
    for one in certificate["engines"].values():
        # Drawn weights choose tokens that no trained model would, and that not every engine can tell.
        assert not one["agrees"] or one["equal_tokens"] == one["tokens"] or one["near_ties"]
        assert one["tokenizes_alike"] in (True, None)
    assert len(certificate["probe"]["tokens"]) >= 1
    assert open_engine(folder).name == facts["engine"]


def test_the_card_tells_what_went_in_and_how_good_it_is(packaged: tuple[Path, dict[str, Any]]) -> None:
    card = (packaged[0] / "README.md").read_text()
    assert "# acme" in card
    assert "1,234" in card
    assert "1.500 (95% interval 1.400 to 1.600)" in card
    assert "acme-dataset@1" in card
    assert "continues text" in card


def test_engines_are_timed_on_the_cores_the_step_was_given(
    inputs: dict[str, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: dict[str, int] = {}

    def build_and_tell(name: str, folder: Path, threads: int = 0) -> Engine:
        built[name] = threads
        return build(name, folder, threads)

    monkeypatch.setattr("ingot.infer.run.build", build_and_tell)
    before = torch.get_num_threads()
    try:
        context = StepContext(tmp_path, tmp_path, 1, lambda kind, /, **fields: None)
        package(PackageConfig(prompts=1, tokens=4), inputs, context)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    # Where there is no accelerator, what needs one is not looked for.
    has_one = machine().accelerator is not None
    assert built == {one: 1 for one in names("engine") if has_one or not load("engine", one).other("NEEDS_ACCELERATOR")}


def comparison(agrees: bool, speed: float) -> Comparison:
    return Comparison(agrees, 8, 8, 0, 0.0, None, speed)


def test_the_fastest_engine_that_agrees_is_chosen() -> None:
    compared = {"torch": comparison(True, 10), "fast": comparison(True, 50), "wrong": comparison(False, 99)}
    assert choose("auto", compared) == "fast"
    assert choose("torch", compared) == "torch"
    with pytest.raises(StepError, match="own tokens"):
        choose("wrong", compared)
    with pytest.raises(StepError, match="not installed"):
        choose("absent", compared)


def test_a_model_that_gguf_cannot_hold_is_packaged_without_that_file(
    inputs: dict[str, Artifact], tmp_path: Path
) -> None:
    checkpoint = shutil.copytree(inputs["checkpoint"].path, tmp_path / "checkpoint")
    config = json.loads((checkpoint / "config.json").read_text())
    config.update(use_sliding_window=True, sliding_window=16, max_window_layers=0)
    config["layer_types"] = ["sliding_attention"] * config["num_hidden_layers"]
    (checkpoint / "config.json").write_text(json.dumps(config))
    told: list[str] = []
    folder = tmp_path / "model"
    folder.mkdir()
    context = StepContext(
        folder, tmp_path / "scratch", 1, lambda kind, /, **fields: told.append(fields.get("text", ""))
    )
    windowed = {**inputs, "checkpoint": Artifact(checkpoint, inputs["checkpoint"].record)}
    facts = package(PackageConfig(prompts=2, tokens=8), windowed, context)
    assert facts["engine"] == "torch"
    assert list(facts["engines"]) == ["torch"]
    assert not list(folder.glob("*.gguf"))
    assert any("no GGUF file beside this model" in text and "sliding window" in text for text in told)
    with closing(open_engine(folder)) as engine:
        assert engine.name == "torch"
