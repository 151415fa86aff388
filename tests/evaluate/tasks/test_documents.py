"""A document is read from its beginning, never through half a character."""

from __future__ import annotations

import pytest

from ingot.core.errors import UsageError
from ingot.evaluate.rows import Row
from ingot.evaluate.tasks.documents import Config, items


def test_a_long_document_is_read_to_its_limit() -> None:
    (item,) = items(Row("a.txt", 1, {"text": "äöü" * 10, "kind": "letters"}), Config(most_bytes=5, group="kind"))
    assert (item.prompt, item.text, item.group) == ("", "äö", "letters")


def test_no_bytes_are_refused() -> None:
    with pytest.raises(UsageError):
        Config(most_bytes=0)
