"""A parser gets the bytes that were listed, or nothing."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.data.opening import as_hashed, name_for_parser, own_terms
from ingot.flow.source import SourceItem
from tests.data.samples import write_item

LARGE = bytes(33 << 20)


@pytest.mark.parametrize("content", [b"text", LARGE], ids=["held", "large"])
def test_unchanged_bytes_are_given_from_the_beginning(tmp_path: Path, content: bytes) -> None:
    item = write_item(tmp_path, "a.bin", content)
    with open(item.locator, "rb") as opened, as_hashed(opened, item) as stream:
        assert stream.read() == content


@pytest.mark.parametrize(
    ("content", "change"),
    [(b"as it was", b"as it is!"), (b"as it was", b"longer than it was"), (LARGE, LARGE[:-1] + b"x")],
    ids=["same size", "longer", "large"],
)
def test_changed_bytes_are_refused_whatever_their_number(tmp_path: Path, content: bytes, change: bytes) -> None:
    item = write_item(tmp_path, "a.bin", content)
    Path(item.locator).write_bytes(change)
    os.utime(item.locator, (1000, 1000))
    with (
        open(item.locator, "rb") as opened,
        pytest.raises(InputError, match="changed while"),
        as_hashed(opened, item),
    ):
        pytest.fail("the parser was given other bytes")


def test_a_large_file_that_changes_under_the_parser_is_noticed(tmp_path: Path) -> None:
    item = write_item(tmp_path, "a.bin", LARGE)
    with open(item.locator, "rb") as opened:
        giving = as_hashed(opened, item)
        giving.__enter__().read(10)
        Path(item.locator).write_bytes(b"x" * len(LARGE))
        with pytest.raises(InputError, match="changed while"):
            giving.__exit__(None, None, None)


def test_the_source_knows_better_than_the_name() -> None:
    page = SourceItem("https://example.org/a.php", "", 1, "", 0.0, media_type="text/html")
    unknown = SourceItem("https://example.org/a.py", "", 1, "", 0.0, media_type="application/x-thing")
    assert [name_for_parser(item) for item in (page, unknown)] == ["item.html", "https://example.org/a.py"]


def test_only_what_the_source_said_becomes_a_column() -> None:
    item = SourceItem("a", "", 1, hashlib.sha256(b"").hexdigest(), 0.0, owner="anna", access=("board",))
    assert own_terms(item) == {"owner": "anna", "access": ["board"]}
    assert own_terms(SourceItem("a", "", 1, "", 0.0)) == {}
