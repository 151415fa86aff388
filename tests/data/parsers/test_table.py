"""Tables become readable rows with exact spans."""

from __future__ import annotations

import pytest

from ingot.core.errors import InputError
from tests.data.samples import parse


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_rows_become_lines_whatever_the_delimiter(delimiter: str) -> None:
    table = "\n".join(delimiter.join(row) for row in (["name", "city"], ["Anna", "Ulm"], ["Bo", ""])) + "\n"
    (document,) = parse("table", "a.csv", table.encode())
    assert document.text == "name: Anna\ncity: Ulm\n\nname: Bo"


def test_quoted_cells_may_hold_anything() -> None:
    (document,) = parse("table", "a.csv", b'name,note\n"An, na","two\r\nlines ""quoted"""\n')
    assert document.text == 'name: An, na\nnote: two\nlines "quoted"'


def test_a_text_column_makes_a_document_of_each_row() -> None:
    payload = b"id,title,text\n1,One,The first text.\n2,Two,The second text.\n"
    first, second = parse("table", "a.csv", payload)
    assert first.text == "One\n\nThe first text."
    assert payload[first.byte_start : first.byte_end] == b"1,One,The first text.\n"
    assert payload[second.byte_start : second.byte_end] == b"2,Two,The second text.\n"
    assert first.parent_id == second.parent_id is not None


def test_without_a_header_the_cells_stand_in_a_row() -> None:
    (document,) = parse("table", "a.csv", b"1,2\n3,4\n")
    assert document.text == "1  2\n3  4"


def test_a_long_table_is_cut_between_rows() -> None:
    payload = b"name,age\n" + b"".join(b"person%d,%d\n" % (number, number) for number in range(500))
    documents = parse("table", "a.csv", payload, piece_bytes=1000)
    assert len(documents) > 10
    assert all(document.text.startswith("name: person") for document in documents)
    assert all(len(document.text.encode()) <= 1000 for document in documents)
    assert [document.byte_end for document in documents[:-1]] == [document.byte_start for document in documents[1:]]


def test_a_quotation_mark_that_never_closes_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingot.data.parsers.table._MOST_CELL", 1000)
    with pytest.raises(InputError, match="cannot be read") as caught:
        parse("table", "a.csv", b'name,note\nAnna,fine\nBo,"open' + b" and so on\n" * 500)
    assert "quotation mark" in caught.value.fix
