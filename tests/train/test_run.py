from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ingot.core.errors import InputError, StepError, UsageError
from ingot.data.mixture import Config as Mixture
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.model.convert import load
from ingot.train.config import PretrainConfig
from ingot.train.run import pretrain
from tests.train.small import Told, artifact, context, settings, stream

Inputs = Mapping[str, Artifact]
CONFIG = settings(steps=9, checkpoint_every=2, evaluate_every=4, hooks=(f"{__name__}:weight_norm",))


def weight_norm(decoder: torch.nn.Module, step: int, inputs: Inputs, context: object) -> dict[str, float]:
    """A hook for these tests."""
    return {"weight_norm": float(sum(weight.detach().square().sum() for weight in decoder.parameters()))}


def made(folder: Path) -> dict[str, bytes]:
    """The files of a finished folder; times are left out of its facts."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    facts = json.loads(files.pop("training.json"))
    steady = {name: value for name, value in facts.items() if name not in ("seconds", "tokens_per_second")}
    return {**files, "facts": json.dumps(steady).encode()}


@pytest.fixture(scope="module")
def unbroken(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    pretrain(CONFIG, inputs, context(folder))
    return folder


def stop_after(steps: int, folder: Path, inputs: Inputs) -> None:
    """Train in a process of its own and kill it with SIGKILL when that many steps are in the curve.

    Each checkpoint is waited for, so that it is known which ones are there; what a kill in the middle of a write leaves
    is tested with the checkpoints themselves.
    """
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from ingot.train import journal, run, saving\n"
        "from tests.train.small import artifact, context\n"
        "from tests.train.test_run import CONFIG\n"
        "record = journal.Journal.record\n"
        "def record_and_die(self, report):\n"
        "    record(self, report)\n"
        f"    if report.step == {steps}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "journal.Journal.record = record_and_die\n"
        "save = saving.Saver.save\n"
        "def save_and_wait(self, *what):\n"
        "    save(self, *what)\n"
        "    self.wait()\n"
        "saving.Saver.save = save_and_wait\n"
        "inputs = {name: artifact(name, Path(path)) for name, path in zip(('shards', 'tokenizer'), sys.argv[2:])}\n"
        "run.pretrain(CONFIG, inputs, context(Path(sys.argv[1])))\n"
    )
    paths = [str(inputs[name].path) for name in ("shards", "tokenizer")]
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), *paths], check=False, capture_output=True, text=True
    )
    assert done.returncode == -9, done.stderr


def test_the_folder_opens_and_its_facts_are_true(unbroken: Path, inputs: Inputs) -> None:
    facts = json.loads((unbroken / "training.json").read_text())
    decoder = load(unbroken)
    assert decoder.config == CONFIG.model
    assert facts["parameters"] == CONFIG.model.parameters
    assert (facts["steps"], facts["tokens"], facts["skipped_steps"]) == (9, 9 * 4 * 32, 0)
    assert (facts["precision"], facts["threads"], facts["device"]) == ("fp32", 1, "cpu")
    curve = [json.loads(line) for line in (unbroken / "curve.jsonl").read_text().splitlines()]
    assert [line["step"] for line in curve] == list(range(1, 10))
    assert facts["final_loss"] == pytest.approx(curve[-1]["loss"], abs=1e-4)
    assert facts["weight_norm"] == curve[-1]["weight_norm"]
    for path in inputs["tokenizer"].path.iterdir():
        assert (unbroken / path.name).read_bytes() == path.read_bytes()
    assert not (unbroken / "checkpoints").exists()


def test_killed_in_the_middle_it_ends_with_the_same_bytes(unbroken: Path, inputs: Inputs, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    stop_after(7, folder, inputs)
    told = Told()
    pretrain(CONFIG, inputs, context(folder, told))
    assert "going on from step 6" in told.of("note")[0]["text"]
    assert made(folder) == made(unbroken)


def test_a_damaged_newest_checkpoint_costs_steps_and_nothing_else(
    unbroken: Path, inputs: Inputs, tmp_path: Path
) -> None:
    folder = tmp_path / "damaged"
    stop_after(7, folder, inputs)
    newest = max((folder / "checkpoints").iterdir()) / "state.safetensors"
    content = bytearray(newest.read_bytes())
    content[-9] ^= 1
    newest.write_bytes(bytes(content))
    saved = shutil.copytree(folder, tmp_path / "copy")
    told = Told()
    pretrain(CONFIG, inputs, context(folder, told))
    assert "damaged" in told.of("warning")[0]["text"]
    assert "going on from step 4" in told.of("note")[0]["text"]
    assert made(folder) == made(unbroken)
    for path in saved.glob("checkpoints/*/state.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(StepError, match="every checkpoint"):
        pretrain(CONFIG, inputs, context(saved))


def test_threads_and_precision_come_from_the_checkpoint(unbroken: Path, inputs: Inputs, tmp_path: Path) -> None:
    folder = tmp_path / "moved"
    stop_after(7, folder, inputs)
    told = Told()
    given = context(folder, told)
    facts = pretrain(CONFIG, inputs, type(given)(folder, given.scratch, 2, told))
    assert facts["threads"] == 1
    assert made(folder) == made(unbroken)


def test_a_finished_folder_is_not_trained_again(unbroken: Path, inputs: Inputs, tmp_path: Path) -> None:
    folder = shutil.copytree(unbroken, tmp_path / "finished")
    (folder / "checkpoints").mkdir()  # killed before the last clearing up
    told = Told()
    facts = pretrain(CONFIG, inputs, context(folder, told))
    assert facts == json.loads((unbroken / "training.json").read_text())
    assert told.events == []
    assert not (folder / "checkpoints").exists()


def test_the_published_matrices_are_what_an_f16_export_holds(unbroken: Path) -> None:
    matrices = [weight for weight in load(unbroken).parameters() if weight.ndim == 2]
    assert matrices
    assert all(torch.equal(weight.half().float(), weight) for weight in matrices)


def test_the_model_has_a_row_for_every_token_and_no_more(inputs: Inputs, tmp_path: Path) -> None:
    """A tokenizer that could not fill the planned vocabulary decides."""
    config = settings(steps=1)
    roomy = replace(config, model=replace(config.model, vocabulary=config.model.vocabulary + 64))
    facts = pretrain(roomy, inputs, context(tmp_path))
    assert load(tmp_path).config == config.model
    assert facts["parameters"] == config.model.parameters


def test_what_does_not_fit_is_refused_before_training(inputs: Inputs, tmp_path: Path) -> None:
    small = ModelConfig(256, 32, 1, 2, 1, 16, 64)
    with pytest.raises(InputError, match="room for 256"):
        pretrain(PretrainConfig(small, steps=1), inputs, context(tmp_path / "vocabulary"))
    with pytest.raises(UsageError, match="no objective"):
        pretrain(settings(objective="next_tokens"), inputs, context(tmp_path / "objective"))
    with pytest.raises(UsageError, match="unknown option"):
        pretrain(settings(objective_options={"a": 1}), inputs, context(tmp_path / "options"))
    with pytest.raises(UsageError, match="names no"):
        pretrain(settings(hooks=("ingot.train.run:nothing",)), inputs, context(tmp_path / "hooks"))


def test_several_datasets_are_read_as_the_mixture_weighs_them(inputs: Inputs, tmp_path: Path) -> None:
    several = {**inputs, "old": artifact("shards", inputs["shards"].path)}
    mixture = Mixture(weights={"shards": 1}, replay={"old": 0.25})
    facts = pretrain(settings(steps=5, mixture=mixture), several, context(tmp_path))
    alone = stream(inputs, CONFIG).epochs(5)["shards"]
    assert facts["epochs"] == pytest.approx({"shards": alone * 0.75, "old": alone * 0.25}, abs=1e-3)


def test_a_training_does_not_go_on_in_another_order_of_rows(inputs: Inputs, tmp_path: Path) -> None:
    stop_after(7, tmp_path / "made", inputs)
    with pytest.raises(InputError, match="another order"):
        pretrain(replace(CONFIG, seed=1), inputs, context(tmp_path / "made"))
