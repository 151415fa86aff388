"""Rows of every kind of file, with the number an editor shows; what is no row is named, nothing is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.data.connectors.folder import Config, Connector
from ingot.evaluate.rows import BadRowError, Columns, Fault, Row, read_rows


def read(folder: Path, name: str, content: bytes | str, columns: Columns | None = None) -> list[Row | Fault]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    snapshot = Connector(Config((str(path),), exclude=())).snapshot()
    return list(read_rows({"data": snapshot}, columns))


def test_every_format_gives_the_same_rows(tmp_path: Path) -> None:
    rows = [{"question": "Two, three?", "answer": "5"}, {"question": 'He said "no".', "answer": "no"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "made.parquet")
    files = {
        "a.csv": 'question,answer\n"Two, three?",5\n"He said ""no"".",no\n',
        "a.tsv": 'question\tanswer\nTwo, three?\t5\nHe said "no".\tno\n',
        "a.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "a.json": json.dumps(rows),
        "a.parquet": (tmp_path / "made.parquet").read_bytes(),
    }
    for name, content in files.items():
        found = read(tmp_path, name, content)
        assert [each.fields for each in found if isinstance(each, Row)] == rows, name
        first = found[0]
        assert isinstance(first, Row)
        assert first.place == f"{name}:{2 if name in ('a.csv', 'a.tsv') else 1}"


def test_a_byte_order_mark_and_empty_lines_are_nothing(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "a.csv", "\ufeffquestion,answer\n\nWho?,me\n")
    assert row == Row("a.csv", 3, {"question": "Who?", "answer": "me"})


def test_a_table_without_a_heading_gets_its_columns(tmp_path: Path) -> None:
    found = read(tmp_path, "a.csv", "Who?,me\n", lambda first: ("question", "answer"))
    assert found == [Row("a.csv", 1, {"question": "Who?", "answer": "me"})]


def test_objects_under_names_get_them_as_ids(tmp_path: Path) -> None:
    assert read(tmp_path, "a.json", '{"7": {"a": 1}}') == [Row("a.json", 1, {"id": "7", "a": 1})]


@pytest.mark.parametrize(
    ("name", "content", "row", "why"),
    [
        ("a.csv", "a,b\n1,2,3\n", 2, "3 cells under 2 headings"),
        ("a.csv", b"a,b\n\xff,2\n", 1, "cannot be read from here on"),
        ("a.jsonl", '{"a": 1}\n{"a"\n', 2, "no JSON object"),
        ("a.jsonl", "[1]\n", 1, "no object with fields"),
        ("a.json", "{", 0, "no JSON"),
        ("a.json", "3", 0, "no list"),
        ("a.parquet", "nothing", 0, "as Parquet"),
        ("a.txt", b"\xff\xfe", 1, "not UTF-8"),
        ("a.exe", "x", 0, "holds no rows"),
    ],
)
def test_what_is_no_row_is_named(tmp_path: Path, name: str, content: bytes | str, row: int, why: str) -> None:
    faults = [each for each in read(tmp_path, name, content) if isinstance(each, Fault)]
    assert [(each.file, each.row) for each in faults] == [(name, row)]
    assert why in faults[0].why


def test_a_cell_may_be_as_long_as_a_conversation(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "a.csv", "text\n" + "word " * 100_000 + "\n")
    assert isinstance(row, Row)
    assert len(row.text("text")) == 500_000


def test_fields_are_checked_where_they_are_read() -> None:
    row = Row("a.csv", 2, {"label": "entailment", "n": 1, "list": ["a", ""], "blank": " ", "flag": True, "back": -1})
    assert row.place_among("label", ("no", "Entailment")) == 1
    assert row.place_among("n", ("no", "yes")) == 1
    assert row.place_among("flag", ("no", "yes")) == 1
    assert row.text("n") == "1"
    assert row.filled("{label}: {n} {question}", question="?") == "entailment: 1 ?"
    for field, read_it in (
        ("blank", lambda: row.text("blank")),
        ("list", lambda: row.texts("list")),
        ("gone", lambda: row.filled("{gone}")),
        ("label", lambda: row.place_among("label", ("x", "y"))),
    ):
        with pytest.raises(BadRowError) as raised:
            read_it()
        assert raised.value.field == field
    with pytest.raises(BadRowError, match="kept back"):
        row.place_among("back", ("no", "yes"))
