from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from ingot.train import checkpoint
from ingot.train.checkpoint import Checkpoints
from ingot.train.saving import Saver
from tests.train.small import Told, silent


def test_the_newest_is_there_when_it_is_asked_for(tmp_path: Path) -> None:
    with Saver(Checkpoints(tmp_path, 2, silent)) as saver:
        for step in range(1, 6):
            saver.save(step, {"weight": torch.full((200, 200), float(step))}, {"step": step})
        saved = saver.go_back(0)
    assert saved is not None
    assert saved.scalars == {"step": 5}
    assert (saved.tensors["weight"] == 5).all()


def test_leaving_waits_for_the_write(tmp_path: Path) -> None:
    with Saver(Checkpoints(tmp_path, 2, silent)) as saver:
        saver.save(1, {"weight": torch.zeros(2000, 2000)}, {"step": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_what_went_wrong_is_raised_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")  # a file where the folder should be
    with Saver(Checkpoints(tmp_path / "folder", 1, silent)) as saver:
        saver.save(1, {"weight": torch.zeros(3)}, {})
        with pytest.raises(OSError, match="folder"):
            saver.wait()


def test_a_disk_that_does_not_answer_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault is put where the operating system would report it; the waits are shortened."""
    monkeypatch.setattr(checkpoint, "_SECONDS_BETWEEN_TRIES", (0.0, 0.0))
    told, faults = Told(), [2, 3]
    write = checkpoint._write

    def failing(folder: Path, tensors: object, scalars: object) -> None:
        if faults[0]:
            faults[0] -= 1
            raise OSError(errno.EIO, "Input/output error")
        write(folder, tensors, scalars)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(checkpoint, "_write", failing)
    checkpoints = Checkpoints(tmp_path, 2, told)
    assert checkpoints.save(1, {"weight": torch.zeros(3)}, {"step": 1})
    faults[0] = 3
    assert not checkpoints.save(2, {"weight": torch.zeros(3)}, {"step": 2})
    assert "Input/output error, 3 times" in told.of("warning")[0]["text"]
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_going_back_removes_what_came_after(tmp_path: Path) -> None:
    with Saver(Checkpoints(tmp_path, 3, silent)) as saver:
        for step in (2, 4, 6):
            saver.save(step, {"weight": torch.full((3,), float(step))}, {"step": step})
        for count, step in ((1, 4), (0, 4), (5, 2)):
            saved = saver.go_back(count)
            assert saved is not None
            assert saved.scalars == {"step": step}
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000002"]


def test_a_save_is_due_after_a_while_and_never_while_one_is_written(tmp_path: Path) -> None:
    with Saver(Checkpoints(tmp_path, 2, silent)) as saver:
        assert saver.is_due(0.0)
        assert not saver.is_due(3600.0)
        saver.save(1, {"weight": torch.zeros(4000, 4000)}, {"step": 1})
        assert not saver.is_due(0.0)
        saver.wait()
        assert saver.is_due(0.0)
        assert saver.cost > 0
