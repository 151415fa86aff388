"""Files with many items are listed in the sandbox; what goes wrong in one of them costs as little as can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.containers import file_item, list_containers
from ingot.data.local_files import LocalFile, find_files
from ingot.flow.source import Snapshot, SourceItem

FUNCTION = "container_functions:lines"


@pytest.fixture(autouse=True)
def beside_this_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sandbox, which leaves out the current folder, find its functions."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def snapshot(place: Path, cache: Path) -> Snapshot:
    with SourceState(cache, "test", "here") as state:
        items, skipped = list_containers(state, list(find_files([str(place)])), FUNCTION, {})
        return state.finish(items, skipped)


def read(item: SourceItem) -> bytes:
    with open_copy(item) as stream:
        return stream.read()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/good.txt").write_text("good 1\nrange 2\n", encoding="utf-8")
    return tmp_path / "files"


def test_items_come_with_bodies_and_from_ranges(place: Path, tmp_path: Path) -> None:
    first, second = snapshot(place, tmp_path / "cache").items
    assert (first.uri, read(first), first.access, first.modified) == ("good", b"good 1\n", ("b", "a"), 1.0)
    assert (second.uri, read(second), second.version) == ("range7", b"range 2\n", "1")


def test_a_large_body_comes_in_pieces(place: Path, tmp_path: Path) -> None:
    (place / "large.txt").write_bytes(b"large 2000 " + b"x" * 20 + b"\n")
    found = {item.uri: item for item in snapshot(place, tmp_path / "cache").items}
    assert found["large"].bytes == 2000 * 1000 * 32
    assert read(found["large"]) == b"large 2000 " + b"x" * 20 + b"\n" + read(found["large"])[32:]


@pytest.mark.parametrize(
    ("text", "kept", "reasons"),
    [
        ("a 1\nrefuse\nb 2\n", {"a", "b"}, {"refuse": "it asked for it"}),
        ("a 1\na 2\n", {"a"}, {"a (again)": "another item has the same name"}),
        ("a 1\nfail\nb 2\n", {"a"}, {"bad.txt": "it failed: it had to"}),
        ("a 1\ncrash\nb 2\n", {"a"}, {"bad.txt": "it crashed the process that read it (exit code 3)"}),
        ("a 1\nbreak\n", {"a"}, {"bad.txt": "it broke off", "broken": "it broke off"}),
    ],
)
def test_what_goes_wrong_costs_little(
    place: Path, tmp_path: Path, text: str, kept: set[str], reasons: dict[str, str]
) -> None:
    (place / "bad.txt").write_text(text, encoding="utf-8")
    found = snapshot(place, tmp_path / "cache")
    assert {item.uri for item in found.items} == kept | {"good", "range7"}
    assert dict(found.skipped).items() <= reasons.items()
    assert found.skipped


def test_a_file_that_cannot_be_opened_keeps_its_items_from_vanishing(place: Path, tmp_path: Path) -> None:
    (place / "other.txt").write_text("a 1\n", encoding="utf-8")
    snapshot(place, tmp_path / "cache")
    with SourceState(tmp_path / "cache", "test", "here") as state:
        files = [file for file in find_files([str(place)]) if file.uri != "other.txt"]
        locked = LocalFile("other.txt", place / "other.txt", "Permission denied")
        found = state.finish(*list_containers(state, [*files, locked], FUNCTION, {}))
    assert dict(found.skipped) == {"other.txt": "Permission denied", "a": "Permission denied"}
    assert found.vanished == ()


def test_other_options_are_another_reading(place: Path, tmp_path: Path) -> None:
    with SourceState(tmp_path, "test", "here") as state:
        files = list(find_files([str(place)]))
        list_containers(state, files, FUNCTION, {"x": 1})
        kept = state.stamp(str(place / "good.txt"))
        list_containers(state, files, FUNCTION, {"x": 2})
        assert state.stamp(str(place / "good.txt")) != kept


def test_a_file_of_its_own_is_hashed_once(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = find_files([str(place)])
    with SourceState(tmp_path / "cache", "test", "here") as state:
        before = file_item(state, file, version="1")
        monkeypatch.setattr("ingot.data.containers.sha256_file", lambda _: pytest.fail("it was read again"))
        assert file_item(state, file) == before
