"""Rows of files as documents with keys: which row changed, which is gone, who may see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.core.errors import InputError
from ingot.data.connectors.records import Config, Connector
from ingot.flow.source import Snapshot
from tests.data.connectors.counting import bytes_read
from tests.data.connectors.reading import texts

ROWS: list[dict[str, Any]] = [
    {"sku": "A/1", "title": "Bolt", "body": "Steel; 8 mm.", "rev": 1, "team": "shop,stock"},
    {"sku": "B 2", "title": "Größe", "body": "Zwölf.", "rev": 1, "team": ""},
]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=1)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        lines = [";".join(rows[0]), *(";".join(f'"{value}"' for value in row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def snapshot(place: Path, cache: Path, **options: Any) -> Snapshot:
    usual = {"template": "# {title}\n\n{body}", "id": "sku", "version": "rev", "columns": {"access": "team"}}
    return Connector(Config((str(place),), **{**usual, **options}), cache).snapshot()


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_row_is_a_document(tmp_path: Path, ending: str) -> None:
    write(tmp_path / f"goods.{ending}", ROWS)
    found = snapshot(tmp_path / f"goods.{ending}", tmp_path / "cache")
    assert texts(found) == {
        f"goods.{ending}/A%2F1": "# Bolt\n\nSteel; 8 mm.",
        f"goods.{ending}/B%202": "# Größe\n\nZwölf.",
    }
    first, second = found.items
    assert (first.version, first.access, first.media_type) == ("1", ("shop", "stock"), "text/plain")
    assert second.access == ()


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_changed_row_is_one_changed_document(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"goods.{ending}"
    write(path, [*ROWS, {**ROWS[0], "sku": "C", "body": "Brass, secretly."}])
    before = {item.uri: item.sha256 for item in snapshot(path, tmp_path / "cache").items}
    write(path, [ROWS[1], {**ROWS[0], "body": "Iron.", "rev": 2}])
    found = snapshot(path, tmp_path / "cache")
    changed = {item.uri for item in found.items if before[item.uri] != item.sha256}
    assert changed == {f"goods.{ending}/A%2F1"}
    assert found.vanished == ((f"goods.{ending}/C", "1"),)
    copies = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("packs/*"))
    assert b"secretly" not in copies
    assert texts(found)[f"goods.{ending}/A%2F1"] == "# Bolt\n\nIron."


def test_a_file_that_did_not_change_is_not_opened(tmp_path: Path) -> None:
    place = tmp_path / "goods"
    rows = [{"sku": str(number), "title": "T", "body": "word " * 40_000, "rev": 1, "team": ""} for number in range(50)]
    write(place / "a.jsonl", rows[:25])
    write(place / "b.jsonl", rows[25:])
    before, cost = bytes_read(lambda: snapshot(place, tmp_path / "cache"))
    again, less = bytes_read(lambda: snapshot(place, tmp_path / "cache"))
    assert again == before
    assert cost > 10_000_000 > 50 * less
    write(place / "b.jsonl", rows[26:])
    found, part = bytes_read(lambda: snapshot(place, tmp_path / "cache"))
    assert found.vanished == (("b.jsonl/25", "1"),)
    assert part < 0.75 * cost


def test_a_text_column_and_row_numbers_are_enough(tmp_path: Path) -> None:
    write(tmp_path / "goods.csv", ROWS)
    found = snapshot(tmp_path / "goods.csv", tmp_path / "cache", template="", text="body", id="", version="")
    assert texts(found) == {"goods.csv/1": "Steel; 8 mm.", "goods.csv/2": "Zwölf."}


def test_without_a_template_a_row_shows_its_columns(tmp_path: Path) -> None:
    write(tmp_path / "goods.jsonl", [{"sku": "1", "size": 3, "made": None}])
    found = snapshot(tmp_path / "goods.jsonl", tmp_path / "cache", template="", version="", columns={})
    assert texts(found) == {"goods.jsonl/1": "sku: 1\nsize: 3"}


def test_rows_that_cannot_be_taken_are_listed(tmp_path: Path) -> None:
    write(tmp_path / "goods.jsonl", [*ROWS, ROWS[0], {**ROWS[0], "sku": None}, {**ROWS[0], "sku": "D", "body": " "}])
    found = snapshot(tmp_path / "goods.jsonl", tmp_path / "cache", template="{body}")
    assert dict(found.skipped) == {
        "goods.jsonl/A%2F1 (again)": "another item has the same name",
        "goods.jsonl/D": "its text is empty",
        "goods.jsonl/row 4": "a row has no key",
    }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("torn.jsonl", b'{"sku": "1", "title": "x", "body": "y"}\n{"sku": ', "line 2 is not JSON"),
        ("list.jsonl", b"[1]\n", "not an object"),
        ("deep.jsonl", b"[" * 100_000 + b"\n", "line 1 cannot be read: its values lie too deep in one another"),
        ("x.parquet", b"PAR1 rubbish PAR1", ""),
        ("x.csv", bytes(range(256)) * 4, "not text"),
        ("columns.csv", b"a,b\n1,2\n", "no column"),
    ],
)
def test_a_broken_file_costs_only_itself(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    place = tmp_path / "goods"
    write(place / "good.jsonl", ROWS)
    (place / name).write_bytes(content)
    found = snapshot(place, tmp_path / "cache")
    assert {uri.partition("/")[0] for uri in texts(found)} <= {"good.jsonl", name}
    assert {uri for uri in texts(found) if uri.startswith("good")} == {"good.jsonl/A%2F1", "good.jsonl/B%202"}
    assert said in dict(found.skipped)[name]


def test_a_listing_that_broke_off_is_tried_again(tmp_path: Path) -> None:
    place = tmp_path / "goods"
    write(place / "a.jsonl", ROWS)
    write(place / "b.jsonl", [{**ROWS[0], "sku": "C"}])
    before = snapshot(place, tmp_path / "cache")
    kept = (place / "b.jsonl").read_bytes()
    (place / "b.jsonl").write_bytes(b"{torn")
    broken = snapshot(place, tmp_path / "cache")
    assert broken.vanished == ()  # it may still be there
    assert "b.jsonl/C" in dict(broken.skipped)
    (place / "b.jsonl").write_bytes(kept)
    assert snapshot(place, tmp_path / "cache").digest == before.digest


def test_nothing_to_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("text", encoding="utf-8")
    with pytest.raises(InputError, match="no documents"):
        snapshot(tmp_path, tmp_path / "cache")
