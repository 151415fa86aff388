from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ingot.flow.gc import find_garbage, remove
from ingot.flow.home import Home
from ingot.flow.runner import run
from ingot.flow.step import Step
from tests.flow.steps_for_tests import CountConfig, SumConfig

HERE = "tests.flow.steps_for_tests"


def make(home: Home, start: int, kind: str = "Report") -> None:
    numbers = Step("numbers", "numbers", "Dataset", f"{HERE}:count", CountConfig(start))
    run([Step("total", "total", kind, f"{HERE}:add", SumConfig(), inputs={"numbers": numbers})], home)


def test_lists_superseded_versions_and_removes_only_when_asked(tmp_path: Path) -> None:
    home = Home(tmp_path)
    make(home, 1)
    make(home, 2)
    garbage = find_garbage(home)
    assert sorted(piece.what for piece in garbage) == ["numbers@1", "total@1"]
    assert all(piece.bytes > 0 for piece in garbage)
    assert len(list(home.all())) == 4
    for piece in garbage:
        assert remove(home, piece)
    assert [artifact.reference for artifact in home.all()] == ["numbers@2", "total@2"]
    assert find_garbage(home) == []


def test_keeps_models_and_what_they_were_made_from(tmp_path: Path) -> None:
    home = Home(tmp_path)
    make(home, 1, kind="Model")
    make(home, 2, kind="Model")
    assert find_garbage(home) == []


def test_unfinished_work_is_garbage_unless_somebody_is_at_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    folder = home.work_path / "acme-shards.f00"
    folder.mkdir()
    (folder / "part").write_bytes(b"12345")
    assert [(piece.what, piece.bytes) for piece in find_garbage(home)] == [("acme-shards.f00", 5)]
    (piece,) = find_garbage(home)
    with home.lock("acme-shards"):
        assert find_garbage(home) == []
        with ThreadPoolExecutor() as other:
            assert not other.submit(remove, home, piece).result()
    assert folder.exists()
