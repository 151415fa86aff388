from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from ingot.core.errors import StepError
from ingot.train import checkpoint
from ingot.train.checkpoint import MANIFEST, SCALARS, TENSORS, Checkpoints
from tests.train.small import Told, silent


def tensors(step: int) -> dict[str, torch.Tensor]:
    return {"weight": torch.full((64, 8), float(step)), "generator": torch.get_rng_state()}


def save(checkpoints: Checkpoints, *steps: int) -> None:
    for step in steps:
        assert checkpoints.save(step, tensors(step), {"step": step})


def newest_step(folder: Path, told: Told | None = None) -> int | None:
    saved = Checkpoints(folder, 2, told or silent).newest()
    if saved is None:
        return None
    assert torch.equal(saved.tensors["weight"], tensors(saved.scalars["step"])["weight"])
    step: int = saved.scalars["step"]
    return step


def test_what_was_saved_is_read_and_only_the_newest_are_kept(tmp_path: Path) -> None:
    assert newest_step(tmp_path) is None
    save(Checkpoints(tmp_path, 2, silent), 1, 9, 10, 200)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000010", "step-00000200"]
    assert newest_step(tmp_path) == 200


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 0x10
    path.write_bytes(bytes(content))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES: list[Callable[[Path], None]] = [flip_a_bit, truncate, empty, Path.unlink]


@pytest.mark.parametrize("file", [TENSORS, SCALARS, MANIFEST])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_newest_one_is_set_aside_and_the_previous_used(
    file: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    save(Checkpoints(tmp_path, 2, silent), 5, 10)
    damage(tmp_path / "step-00000010" / file)
    told = Told()
    assert newest_step(tmp_path, told) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000005", "step-00000010.corrupt"]
    (warning,) = told.of("warning")
    assert "step-00000010" in warning["text"]
    save(Checkpoints(tmp_path, 2, silent), 10)  # training comes by here again
    assert newest_step(tmp_path) == 10


def test_when_all_are_damaged_it_says_so_however_often_it_is_asked(tmp_path: Path) -> None:
    save(Checkpoints(tmp_path, 2, silent), 5, 10)
    for folder in tmp_path.iterdir():
        truncate(folder / TENSORS)
    for _ in range(2):
        with pytest.raises(StepError, match="every checkpoint") as raised:
            Checkpoints(tmp_path, 2, silent).newest()
        assert str(tmp_path) in raised.value.fix


def full_disk(*_: Any, **__: Any) -> None:
    raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


def test_a_full_disk_keeps_the_old_ones_and_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    checkpoints = Checkpoints(tmp_path, 1, told)
    save(checkpoints, 5)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", full_disk)  # what the library says on a full disk
        assert not checkpoints.save(10, tensors(10), {"step": 10})
    assert "step 10" in told.of("warning")[0]["text"]
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000005"]
    save(checkpoints, 15)
    assert newest_step(tmp_path) == 15


def test_another_fault_of_the_disk_is_not_taken_for_a_full_one(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")  # a file where the folder should be
    with pytest.raises(OSError, match="folder"):
        Checkpoints(tmp_path / "folder", 1, silent).save(1, tensors(1), {})


KILLED_EVERYWHERE = """
import os, signal, sys
from pathlib import Path
import torch
from ingot.train.checkpoint import Checkpoints

def save(folder, step):
    Checkpoints(folder, 1, print).save(step, {"weight": torch.full((64, 8), float(step))}, {"step": step})

WATCHED = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")
points = 0
for limit in range(1000):
    folder = Path(sys.argv[1]) / str(limit)
    save(folder, 1)
    child = os.fork()
    if child == 0:
        seen = 0
        def count(event, _):
            global seen
            if event in WATCHED:
                seen += 1
                if seen > limit:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(count)
        save(folder, 2)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    saved = Checkpoints(folder, 1, print).newest()
    step = saved.scalars["step"]
    assert (saved.tensors["weight"] == step).all()
    leftovers = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    assert not leftovers, leftovers
    if os.WIFEXITED(status):
        assert step == 2
        break
    points += 1
print("killed at", points)
"""


def test_killed_at_any_point_of_a_write_a_whole_checkpoint_is_left(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_EVERYWHERE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 8, done.stdout


def test_regular_ones_and_the_newest_are_kept_and_a_training_goes_back_to_regular_ones(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 2, silent, every=10)
    save(checkpoints, 3, 10, 14, 20, 27, 30, 31, 38)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000020", "step-00000030", "step-00000038"]
    assert newest_step(tmp_path) == 38
    for count, step in ((0, 30), (1, 20), (1, 20)):
        saved = checkpoints.go_back(count)
        assert saved is not None
        assert saved.scalars["step"] == step


def test_without_a_regular_one_a_training_goes_back_to_what_there_is(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 2, silent, every=100)
    save(checkpoints, 3, 7)
    saved = checkpoints.go_back(0)
    assert saved is not None
    assert saved.scalars["step"] == 7
