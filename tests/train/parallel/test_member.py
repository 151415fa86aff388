"""A training by two processes of this machine, as the local executor starts them: one dies, one stands still."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest
import torch

from ingot.core.errors import KilledError, UsageError
from ingot.flow.artifact import Artifact
from ingot.model.convert import load
from ingot.train.config import PretrainConfig
from tests.train.parallel.together import losses, request, train
from tests.train.small import Told, settings

Inputs = Mapping[str, Artifact]
CONFIG = settings(steps=40, checkpoint_every=4, learning_rate=1e-3)
pytestmark = pytest.mark.slow


def member(rank: int) -> psutil.Process:
    """Return the process that is this rank."""
    for process in psutil.Process().children(recursive=True):
        words = process.cmdline()
        if "ingot.flow.member" in words and words[-1] == str(rank):
            return process
    raise AssertionError(f"there is no rank {rank}")


def when_saved(folder: Path, act: Callable[[], object]) -> threading.Thread:
    """Act as soon as a checkpoint is there."""

    def watch() -> None:
        while not list((folder / "checkpoints").glob("step-*")):
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.fixture(scope="module")
def alone(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone") / "model"
    train(request(folder, inputs, CONFIG))
    return folder


def test_a_rank_that_is_killed_ends_the_step_and_the_next_try_goes_on(
    tmp_path: Path, inputs: Inputs, alone: Path
) -> None:
    asked, told = request(tmp_path / "model", inputs, CONFIG, 2), Told()
    killer = when_saved(tmp_path / "model", lambda: member(1).send_signal(signal.SIGKILL))
    began = time.monotonic()
    with pytest.raises(KilledError, match=r"rank 1 of 2 was killed from outside \(SIGKILL\)"):
        train(asked, told)
    killer.join()
    assert time.monotonic() - began < 60
    assert not [process for process in psutil.Process().children(recursive=True) if "member" in str(process.cmdline())]
    # The next try has one process less, and ends where one alone does.
    facts = train(request(tmp_path / "model", inputs, CONFIG, 1), told)
    assert any("going on from step" in note["text"] for note in told.of("note"))
    assert facts["steps"] == CONFIG.steps
    assert losses(tmp_path / "model") == pytest.approx(losses(alone), abs=1e-5)
    assert load(tmp_path / "model").config == load(alone).config


def test_ranks_that_are_asked_save_and_go_on(tmp_path: Path, inputs: Inputs, alone: Path) -> None:
    folder = tmp_path / "model"
    asker = when_saved(folder, lambda: member(0).send_signal(signal.SIGTERM))
    with pytest.raises(KilledError, match="asked to stop and is saved"):
        train(request(folder, inputs, CONFIG, 2))
    asker.join()
    train(request(folder, inputs, CONFIG, 2, data=2))
    assert losses(folder) == pytest.approx(losses(alone), abs=1e-5)


def test_a_pipeline_ends_with_the_model_of_one_process(tmp_path: Path, inputs: Inputs, alone: Path) -> None:
    hooked = settings(steps=40, learning_rate=1e-3, hooks=("ingot.evaluate.during:held_out",))
    facts = train(request(tmp_path / "model", inputs, hooked, 2, pipeline=2))
    assert losses(tmp_path / "model") == pytest.approx(losses(alone), abs=1e-5)
    assert 0 < facts["held_out_bits_per_byte"] < 10
    expected, found = load(alone).state_dict(), load(tmp_path / "model").state_dict()
    assert all(torch.allclose(found[name], weight, atol=1e-3) for name, weight in expected.items())


def test_what_does_not_divide_is_refused(tmp_path: Path, inputs: Inputs) -> None:
    with pytest.raises(UsageError, match="2 kv_heads cannot be dealt among 4"):
        train(request(tmp_path / "model", inputs, PretrainConfig(CONFIG.model, 2), 4, tensor=4))
    shutil.rmtree(tmp_path)


def test_a_rank_that_stands_still_does_not_hang_the_others(
    tmp_path: Path, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The crew is run in this process, with less patience than usual."""
    from ingot.flow.crew import Crew
    from ingot.flow.executors.local import Executor

    folder = tmp_path / "model"
    asked = request(folder, inputs, CONFIG, 2)
    stopper = when_saved(folder, lambda: os.kill(member(1).pid, signal.SIGSTOP))
    crew = Crew(2, {}, None, Executor().start, asked, Told(), silent_seconds=6.0)
    with pytest.raises(KilledError, match="rank 1 of 2 was not heard of for 6 seconds"):
        crew.run("ingot.train.parallel.member:train_part")
    stopper.join()
