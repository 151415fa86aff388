"""Document libraries as SharePoint gives them: files from the download, what is known of them from the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.connectors.sharepoint_export import Config, Connector
from ingot.flow.source import Snapshot
from tests.data.connectors.exports import write_zip
from tests.data.connectors.reading import texts

LIST = """\ufeffName,Modified,Created By,Version,Path,Item Type,Readers
leave.txt,2026-11-02T10:00:00,Ada,3.0,sites/HR/Shared Documents/Policies,Item,hr;board
other.txt,2026-11-02T10:00:00,Bob,1.0,sites/HR/Shared Documents/Policies,Item,
Policies,2026-11-02T10:00:00,Ada,1.0,sites/HR/Shared Documents,Folder,
"""


def snapshot(place: Path, cache: Path, **options: Any) -> Snapshot:
    return Connector(Config((str(place),), **options), cache).snapshot()


@pytest.fixture
def download(tmp_path: Path) -> Path:
    files = {"Policies/leave.txt": "thirty", "Policies/plan.txt": "plan", "root.txt": "root"}
    (tmp_path / "list.csv").write_text(LIST, encoding="utf-8")
    return write_zip(tmp_path / "OneDrive_1.zip", files)


def test_files_are_read_without_a_list(download: Path, tmp_path: Path) -> None:
    found = snapshot(download, tmp_path / "cache")
    assert texts(found) == {"Policies/leave.txt": "thirty", "Policies/plan.txt": "plan", "root.txt": "root"}
    assert {item.version for item in found.items} == {None}
    assert found.items[0].modified == 1793613600.0


def test_a_list_says_more(download: Path, tmp_path: Path) -> None:
    options = {"listing": str(tmp_path / "list.csv"), "columns": {"access": "Readers"}}
    found = snapshot(download, tmp_path / "cache", **options)
    first, second, _ = found.items
    assert (first.version, first.owner, first.access) == ("3.0", "Ada", ("board", "hr"))
    assert (second.version, second.owner, second.access) == (None, None, ())
    assert snapshot(download, tmp_path / "cache", **options) == found


def test_a_changed_list_is_heard_although_the_download_is_the_same(download: Path, tmp_path: Path) -> None:
    before = snapshot(download, tmp_path / "cache", listing=str(tmp_path / "list.csv"))
    (tmp_path / "list.csv").write_text(LIST.replace("Ada", "Grace"), encoding="utf-8")
    found = snapshot(download, tmp_path / "cache", listing=str(tmp_path / "list.csv"))
    assert found.items[0].owner == "Grace"
    assert found.digest != before.digest


def test_a_name_that_could_be_two_rows_is_neither(download: Path, tmp_path: Path) -> None:
    twice = LIST + "leave.txt,,Eve,9.0,sites/Other/Policies,Item,\n"
    (tmp_path / "list.csv").write_text(twice, encoding="utf-8")
    found = snapshot(download, tmp_path / "cache", listing=str(tmp_path / "list.csv"))
    assert found.items[0].owner is None


def test_what_is_gone_from_the_next_download_vanished(download: Path, tmp_path: Path) -> None:
    snapshot(download, tmp_path / "cache")
    write_zip(download, {"root.txt": "root"})
    found = snapshot(download, tmp_path / "cache")
    assert [uri for uri, _ in found.vanished] == ["Policies/leave.txt", "Policies/plan.txt"]


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"columns": {"colour": "x"}}, UsageError, "nothing a file has"),
        ({"listing": "list.csv", "columns": {"owner": "Creator"}}, UsageError, "no column"),
        ({"listing": "none.csv"}, InputError, "cannot be read"),
        ({"listing": "OneDrive_1.zip"}, InputError, "cannot be read"),
    ],
)
def test_a_mistake_is_named(
    download: Path, tmp_path: Path, options: dict[str, Any], kind: type[Exception], said: str
) -> None:
    if "listing" in options:
        options = {**options, "listing": str(tmp_path / options["listing"])}
    with pytest.raises(kind, match=said):
        snapshot(download, tmp_path / "cache", **options)
