"""Compressed streams are read, damaged ones told, bombs stopped in time."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib

import pytest
import zstandard

from ingot.core.errors import InputError
from ingot.data.unpacking import Allowance, Metered, chunks, safe_name, unpacked

PACKERS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstandard.compress}


@pytest.mark.parametrize("kind", PACKERS)
def test_every_format_is_read(kind: str) -> None:
    reader = unpacked(io.BytesIO(PACKERS[kind](b"text " * 1000)))
    assert reader is not None
    assert b"".join(chunks(reader, Allowance(1000))) == b"text " * 1000


@pytest.mark.parametrize("kind", PACKERS)
def test_a_torn_one_is_damaged(kind: str) -> None:
    packed = PACKERS[kind](bytes(range(256)) * 2000)
    reader = unpacked(io.BytesIO(packed[: len(packed) // 2]))
    assert reader is not None
    with pytest.raises(InputError, match="damaged"):
        list(chunks(reader, Allowance(10_000)))


def test_anything_else_is_not_unpacked() -> None:
    assert unpacked(io.BytesIO(b"plain text")) is None
    assert unpacked(io.BytesIO(b"")) is None


def test_a_bomb_is_stopped_before_it_is_unpacked() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()
    reader = unpacked(io.BytesIO(bomb))
    assert reader is not None
    allowance = Allowance(len(bomb))
    with pytest.raises(InputError, match="far more than its size") as caught:
        for _ in chunks(reader, allowance):
            pass
    assert -(2 << 20) < allowance.left < 0
    assert "kB become more than 67.1 MB" in caught.value.why


def test_metered_reads_on() -> None:
    reader = io.BufferedReader(Metered(io.BytesIO(b"abcdef" * 100), Allowance(10)))
    assert reader.read(7) == b"abcdefa"
    assert len(reader.read()) == 593


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/absolute/path", "absolute/path"),
        ("..\\up\\windows.txt", "up/windows.txt"),
        ("./a//b/../c", "a/b/c"),
        ("line\nbreak\x1b[31m", "line\\nbreak\\x1b[31m"),
        ("half \udcff", "half \\udcff"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("größe.txt", "größe.txt"),
    ],
)
def test_names_lead_nowhere(name: str, expected: str) -> None:
    assert safe_name(name) == expected
    assert safe_name(expected) == expected or "\\" in expected
