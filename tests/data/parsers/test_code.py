"""Code keeps every character, and gets its language and its licence."""

from __future__ import annotations

import pytest

from tests.data.samples import parse


def test_the_text_stays_as_it_is() -> None:
    source = "def f(x):\n\treturn x  # SPDX-License-Identifier: Apache-2.0\n\n\n"
    (document,) = parse("code", "a.py", source.encode())
    assert document.text == source
    assert document.media_type == "text/x-python"
    assert document.licence == "Apache-2.0"


@pytest.mark.parametrize(
    ("line", "licence"),
    [
        ("/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */", "GPL-2.0 WITH Linux-syscall-note"),
        ("<!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->", "MIT OR Apache-2.0"),
        ("# no licence here", None),
    ],
)
def test_a_stated_licence_is_found(line: str, licence: str | None) -> None:
    (document,) = parse("code", "a.c", f"{line}\nint x;\n".encode())
    assert document.licence == licence


def test_a_long_file_is_cut_at_lines() -> None:
    documents = parse("code", "a.rs", b"let value = 1;\n" * 1000, piece_bytes=1000)
    assert all(document.text.endswith(";\n") for document in documents)
