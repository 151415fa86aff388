from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.data.report.page import MARK
from ingot.data.report.saving import check_place, save

PAGE = f'<!doctype html>\n<meta name="generator" content="{MARK}">\n'


def test_a_report_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "x-data.html"
    save(path, PAGE)
    save(path, PAGE + "newer")
    assert path.read_text() == PAGE + "newer"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"mine", b"\xff\xfe", b"x" * 5000 + PAGE.encode()])
def test_nothing_else_is_written_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x-data.html"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="not written over another file") as caught:
        save(path, PAGE)
    assert "--out" in caught.value.fix
    assert path.read_bytes() == content


def test_a_link_to_something_else_is_left_alone(tmp_path: Path) -> None:
    notes, link = tmp_path / "notes", tmp_path / "x-data.html"
    notes.write_text("mine")
    link.symlink_to(notes)
    with pytest.raises(UsageError, match="not written over"):
        save(link, PAGE)
    assert link.is_symlink()


def test_a_folder_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written") as caught:
        check_place(tmp_path)
    assert caught.value.why == "it is a folder"
    with pytest.raises(UsageError, match="cannot be written") as caught:
        check_place(tmp_path / "no" / "x.html")
    assert "there is no folder" in caught.value.why
