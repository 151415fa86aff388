"""Lines come with exact byte spans, in any encoding, also when some bytes are broken."""

from __future__ import annotations

import io

import pytest

from ingot.core.errors import InputError
from ingot.data.lines import encoded_lines, without_broken


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_spans_are_exact(encoding: str) -> None:
    payload = "erste Zeile\nzweite, größer\r\ndritte".encode(encoding)
    codec = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding)
    lines = list(encoded_lines(io.BytesIO(payload)))
    assert [line.text for line in lines] == ["erste Zeile\n", "zweite, größer\r\n", "dritte"]
    assert all(payload[line.start : line.end].decode(codec) == line.text for line in lines)


def test_broken_bytes_are_replaced_and_still_counted() -> None:
    # The detector sees only the beginning of a long file; what is broken later must not stop it.
    good = b"a line of text\n" * 300_000
    payload = good + b"bro\xffken\nlast\n"
    lines = list(encoded_lines(io.BytesIO(payload)))
    assert lines[-2].text == "bro\ufffdken\n"
    assert payload[lines[-1].start : lines[-1].end] == b"last\n"


def test_a_line_too_long_to_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingot.data.lines.MOST_CHARACTERS", 100)
    with pytest.raises(InputError, match="too long"):
        list(encoded_lines(io.BytesIO(b"short\n" + b"x" * 1000)))


def test_lone_surrogates_become_replacement_characters() -> None:
    assert without_broken("a\ud800b") == "a\ufffdb"
    assert without_broken("a\ud83d\ude00b") == "a😀b"
    assert without_broken("größer") == "größer"
