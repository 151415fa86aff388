"""Workspaces as Notion exports them: pages by their path, databases once, parts as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.data.connectors.notion_export import Config, Connector
from ingot.flow.source import Snapshot
from tests.data.connectors.exports import write_zip, zip_bytes
from tests.data.connectors.reading import texts

ID = "0123456789abcdef0123456789abcdef"


def snapshot(place: Path, cache: Path) -> Snapshot:
    return Connector(Config((str(place),)), cache).snapshot()


def test_pages_keep_their_path_and_say_their_title(tmp_path: Path) -> None:
    files = {f"Handbook {ID}.md": "# Handbook", f"Handbook {ID}/Leave {ID}.md": "# Leave", "Handbook/plan.txt": "p"}
    found = snapshot(write_zip(tmp_path / "Export-1.zip", files), tmp_path / "cache")
    assert texts(found) == {
        f"Handbook {ID}.md": "# Handbook",
        f"Handbook {ID}/Leave {ID}.md": "# Leave",
        "Handbook/plan.txt": "p",
    }
    assert {item.uri: item.meta for item in found.items} == {
        f"Handbook {ID}.md": {"title": "Handbook", "page": ID},
        f"Handbook {ID}/Leave {ID}.md": {"title": "Leave", "page": ID},
        "Handbook/plan.txt": {},
    }


def test_a_database_is_read_whole_and_once(tmp_path: Path) -> None:
    files = {f"Tasks {ID}.csv": "a,b\n", f"Tasks {ID}_all.csv": "a,b,c\n", f"Other {ID}.csv": "x\n"}
    found = snapshot(write_zip(tmp_path / "Export-1.zip", files), tmp_path / "cache")
    assert [item.uri for item in found.items] == [f"Other {ID}.csv", f"Tasks {ID}_all.csv"]


def test_parts_are_one_export(tmp_path: Path) -> None:
    parts = {
        "Export-9/Export-9-Part-1.zip": zip_bytes({f"A {ID}.md": "one"}),
        "Export-9/Export-9-Part-2.zip": zip_bytes({"Export-9/B.md": "two"}),
    }
    found = snapshot(write_zip(tmp_path / "Export-9.zip", parts), tmp_path / "cache")
    assert texts(found) == {f"A {ID}.md": "one", "B.md": "two"}


def test_the_next_export_takes_the_place_of_the_last(tmp_path: Path) -> None:
    place = tmp_path / "exports"
    write_zip(place / "Export-1.zip", {f"A {ID}.md": "one", "B.md": "two"})
    before = snapshot(place, tmp_path / "cache")
    assert snapshot(place, tmp_path / "cache") == before
    (place / "Export-1.zip").unlink()
    write_zip(place / "Export-2.zip", {f"A {ID}.md": "one", "C.md": "three"})
    found = snapshot(place, tmp_path / "cache")
    assert texts(found) == {f"A {ID}.md": "one", "C.md": "three"}
    assert found.vanished == (("B.md", None),)


def test_hostile_members_cost_only_themselves(tmp_path: Path) -> None:
    files = {"link.md": "/etc/passwd", "../../up.md": "up", "good.md": "good"}
    found = snapshot(write_zip(tmp_path / "Export-1.zip", files, {"link.md": 0o120777}), tmp_path / "cache")
    assert texts(found) == {"good.md": "good", "up.md": "up"}
    assert "link" in dict(found.skipped)["link.md"]
    assert {path.name for path in tmp_path.iterdir()} == {"Export-1.zip", "cache"}


def test_no_export_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no documents"):
        snapshot(tmp_path, tmp_path / "cache")
