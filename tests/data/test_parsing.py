"""Files inside files are parsed by their own parsers, know what they came in, and fail alone."""

from __future__ import annotations

import gzip
import hashlib
import io
from dataclasses import asdict
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.data.document import item_id
from ingot.data.parsing import _Budget, parse_item
from ingot.flow.source import SourceItem
from tests.data.samples import docx_bytes, packed, pdf_bytes

MAIL = b"""Subject: Offer
From: anna@example.com
Content-Type: multipart/mixed; boundary=cut

--cut
Content-Type: text/plain

Please look.
--cut
Content-Type: text/csv
Content-Disposition: attachment; filename=prices.csv

what,price
paper,12
--cut
Content-Type: image/png
Content-Disposition: attachment; filename=photo.png

x
--cut--
"""


def item_of(uri: str, payload: bytes) -> SourceItem:
    return SourceItem(uri, "nowhere", len(payload), hashlib.sha256(payload).hexdigest(), 1000.0, owner="legal")


def parsed(uri: str, payload: bytes, **parsers: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows and the failures of an item."""
    words = list(parse_item({"item": asdict(item_of(uri, payload)), "parsers": parsers}, io.BytesIO(payload)))
    rows = [word["document"] for word in words if "document" in word]
    return rows, [word["failure"] for word in words if "failure" in word]


def test_a_plain_file_is_one_document_without_a_parent() -> None:
    (row,), failures = parsed("a.txt", b"text")
    assert (row["uri"], row["text"], row["parent_id"], row["parser"]) == ("a.txt", "text", None, "text")
    assert failures == []


def test_a_mail_is_the_parent_of_its_attachments() -> None:
    (letter, table), (failure,) = parsed("mail.eml", MAIL)
    assert (letter["uri"], letter["parser"], letter["parent_id"]) == ("mail.eml", "mail", None)
    assert (table["uri"], table["parser"], table["parent_id"]) == ("mail.eml!/prices.csv", "table", letter["doc_id"])
    assert table["text"] == "what: paper\nprice: 12"
    assert (failure["uri"], failure["parser"]) == ("mail.eml!/photo.png", "image")
    assert failure["what"]
    assert failure["fix"]


def test_an_archive_is_the_parent_of_its_files_and_a_mail_in_it_of_its_own() -> None:
    payload = packed(
        {"folder/mail.eml": MAIL, "a.pdf": pdf_bytes("A page of text."), "b.docx": docx_bytes("A letter.")}
    )
    rows, _ = parsed("all.zip", payload)
    own = item_id(item_of("all.zip", payload))
    mail, table, pdf, letter = rows
    assert [row["uri"] for row in rows] == [
        "all.zip!/folder/mail.eml",
        "all.zip!/folder/mail.eml!/prices.csv",
        "all.zip!/a.pdf",
        "all.zip!/b.docx",
    ]
    assert [row["parent_id"] for row in (mail, pdf, letter)] == [own] * 3
    assert table["parent_id"] == mail["doc_id"]
    assert len({row["doc_id"] for row in rows}) == 4


def test_a_long_file_in_an_archive_is_cut_like_any_other() -> None:
    rows, _ = parsed("a.gz", gzip.compress(b"word " * 1000), text={"piece_bytes": 1000})
    assert len(rows) > 4
    assert {row["uri"] for row in rows} == {"a.gz!/a"}
    assert len({row["parent_id"] for row in rows}) == 1
    assert None not in {row["parent_id"] for row in rows}


def test_a_member_that_cannot_be_read_costs_only_itself() -> None:
    payload = packed(
        {
            "bad.pdf": b"%PDF-1.7 torn",
            "bad.json": b"{",
            "weights.pkl": b"x",
            "inner.zip": b"PK\x03\x04",
            "good.txt": b"text",
        }
    )
    (row,), failures = parsed("all.zip", payload)
    assert row["uri"] == "all.zip!/good.txt"
    assert {failure["uri"]: failure["parser"] for failure in failures} == {
        "all.zip!/bad.pdf": "pdf",
        "all.zip!/bad.json": "jsonl",
        "all.zip!/weights.pkl": None,
        "all.zip!/inner.zip": "archive",
    }
    assert all(failure["fix"] for failure in failures)


def test_archives_in_archives_are_opened_only_so_deep() -> None:
    payload, name = b"text", "a.txt"
    for depth in range(6):
        payload, name = packed({name: payload, f"at {depth}.txt": b"here"}), f"{depth}.zip"
    rows, failures = parsed("top.zip", payload)
    assert [row["uri"].count("!/") for row in rows] == [4, 3, 2, 1]
    assert {failure["what"] for failure in failures} == {"it lies too deep in other files"}


def test_options_reach_the_parsers_inside() -> None:
    rows, _ = parsed("all.zip", packed({"a.txt": b"word " * 1000}), text={"piece_bytes": 1000})
    assert len(rows) > 4


def test_what_unpacks_without_end_is_given_up() -> None:
    budget = _Budget(members=2, bytes=100)
    budget.take(60)
    with pytest.raises(InputError, match="more than one file may hold") as caught:
        budget.take(60)
    assert budget.is_spent
    assert caught.value.fix


def test_a_bomb_inside_is_named_and_the_rest_is_kept() -> None:
    bomb = gzip.compress(bytes(100 << 20), 9)
    (row,), (failure,) = parsed("all.zip", packed({"bomb.gz": bomb, "good.txt": b"text"}))
    assert row["text"] == "text"
    assert failure["what"] == "it unpacks to far more than its size"


def test_terms_of_the_file_hold_for_what_is_inside() -> None:
    rows, _ = parsed("all.zip", packed({"a.txt": b"text"}))
    assert rows[0]["modified"] == 315532800.0  # what the archive says of its member: the first day a zip file knows
    rows, _ = parsed("a.txt.gz", gzip.compress(b"text"))
    assert rows[0]["modified"] == 1000.0
