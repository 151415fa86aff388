from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ingot.core.errors import SpaceError
from ingot.core.storage import (
    as_size,
    folder_bytes,
    free_bytes,
    link_tree,
    move_into_place,
    remove_torn,
    remove_tree,
    room_on_disk,
    sha256_file,
    write_atomically,
)


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "shards/.00001.ab.tmp/.x.12.deleted").mkdir(parents=True)
    (tmp_path / "shards/00000").mkdir()
    for name in ("shards/00000/whole.json", "shards/00000/.whole.json.7.tmp", "shards/.00001.ab.tmp/torn"):
        (tmp_path / name).touch()
    remove_torn(tmp_path)
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["shards", "00000", "whole.json"]


def test_writes_the_whole_content_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_atomically(target, "old")
    write_atomically(target, "new é")
    assert target.read_text(encoding="utf-8") == "new é"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_speaks_and_keeps_the_old_content() -> None:
    full = Path("/dev/full")
    if not full.exists():
        # Only Linux has a device that is always full.
        pytest.skip("this system has no /dev/full")
    with (
        pytest.raises(SpaceError, match="the disk is full") as caught,
        room_on_disk(Path("/tmp")),
        full.open("w") as file,
    ):
        file.write("x" * 100_000)
    assert "ingot gc" in caught.value.fix


def test_other_errors_of_the_system_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), room_on_disk(tmp_path):
        raise PermissionError(errno.EACCES, "no")


def test_moves_a_folder_into_a_place_that_does_not_exist_yet(tmp_path: Path) -> None:
    source = tmp_path / "work"
    source.mkdir()
    (source / "file").write_text("x")
    move_into_place(source, tmp_path / "artifacts" / "name" / "1")
    assert (tmp_path / "artifacts" / "name" / "1" / "file").read_text() == "x"
    assert not source.exists()


def test_removes_a_tree_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"123")
    assert folder_bytes(tmp_path) == 3
    remove_tree(tmp_path / "a")
    remove_tree(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_hash_and_free_space(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert sha256_file(tmp_path / "empty").startswith("e3b0c44298fc1c14")
    assert free_bytes(tmp_path / "not" / "there" / "yet") > 0


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2.1e9, "2.1 GB"), (3e13, "30 TB")]
)
def test_sizes_for_people(count: float, text: str) -> None:
    assert as_size(count) == text


def test_a_linked_tree_needs_no_second_place_and_outlives_the_first(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x").write_text("x")
    link_tree(tmp_path / "a", tmp_path / "c")
    assert (tmp_path / "a/b/x").stat().st_ino == (tmp_path / "c/b/x").stat().st_ino
    remove_tree(tmp_path / "a")
    assert (tmp_path / "c" / "b" / "x").read_text() == "x"
