from __future__ import annotations

from pathlib import Path

import pytest

from ingot.cli.paths import read_once
from ingot.core.errors import UsageError


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with docs/a.txt, docs/drafts/b.txt and other/c.txt."""
    monkeypatch.chdir(tmp_path)
    for name in ("docs/a.txt", "docs/drafts/b.txt", "other/c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text")
    return tmp_path / "docs"


def test_paths_apart_are_all_read_in_their_order(docs: Path) -> None:
    assert read_once(["other", "docs", "docsen", "*.md"], ()) == (("other", "docs", "docsen", "*.md"), {})


def test_the_same_folder_in_any_spelling_is_read_once(docs: Path) -> None:
    (docs.parent / "link").symlink_to(docs)
    spellings = ["docs", "./docs/", "docs/drafts/..", str(docs), "link", "docs"]
    assert read_once(spellings, ()) == (("docs",), {"docs": spellings[1:]})


def test_a_part_of_a_folder_is_read_with_it_whichever_comes_first(docs: Path) -> None:
    kept, included = read_once(["docs/drafts", "docs/a.txt", "other", "docs"], ())
    assert kept == ("other", "docs")
    assert included == {"docs": ["docs/drafts", "docs/a.txt"]}


def test_a_part_that_the_folder_leaves_out_is_read(docs: Path) -> None:
    assert read_once(["docs", "docs/drafts"], ("dr*",)) == (("docs", "docs/drafts"), {})


def test_a_link_that_leads_out_is_not_a_part(docs: Path) -> None:
    (docs / "more").symlink_to(docs.parent / "other")
    assert read_once(["docs", "docs/more"], ()) == (("docs", "docs/more"), {})


def test_a_part_that_is_not_there_is_left_to_be_missed(docs: Path) -> None:
    assert read_once(["docs", "docs/draft"], ()) == (("docs", "docs/draft"), {})


@pytest.mark.parametrize("path", ["", " "])
def test_an_empty_path_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="a path is empty") as caught:
        read_once(["docs", path], ())
    assert caught.value.fix
