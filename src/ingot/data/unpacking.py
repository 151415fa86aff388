"""Bytes out of compressed streams, and never more than is reasonable for what was packed.

A bomb is a small file that becomes a huge one. What unpacks to more than 200 times its size is refused as soon as it
does (text of any kind compresses 50 times at most), however its headers describe it.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import zstandard

from ingot.core.errors import InputError
from ingot.core.storage import as_size

# Small files may be of any ratio: a kilobyte that becomes a megabyte hurts nobody.
_FREE_BYTES = 64 << 20
_MOST_TIMES = 200
_CHUNK_BYTES = 1 << 20
_BITE_BYTES = 512
_MOST_WINDOW = 128 << 20

# What the standard library raises for damaged archives: besides its own errors a good many of others.
DAMAGE = (
    *(EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError, zipfile.BadZipFile),
    *(KeyError, NotImplementedError, RuntimeError, ValueError),
)


class _Zstandard(io.RawIOBase):
    """A stream of Zstandard frames. The library's own reader takes a torn stream for a whole one."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._frame = self._new_frame()
        self._pending = b""
        self._held = memoryview(b"")

    def _new_frame(self) -> zstandard.ZstdDecompressionObj:
        return zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW).decompressobj()

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed wants any buffer
        """Fill as much of the target as there is."""
        while not self._held and self._advance():
            pass
        size = min(len(target), len(self._held))
        target[:size], self._held = self._held[:size], self._held[size:]
        return size

    def _advance(self) -> bool:
        """Unpack a little more; False at the end. Small bites, because a few bytes may become megabytes."""
        bite = self._pending or self._packed.read(_BITE_BYTES)
        self._pending = b""
        if self._frame.eof and bite:
            self._frame = self._new_frame()
        elif not bite:
            if not self._frame.eof:
                raise EOFError("it ends in the middle")
            return False
        self._held = memoryview(self._frame.decompress(bite))
        self._pending = self._frame.unused_data
        return True


_FORMATS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda packed: gzip.GzipFile(fileobj=packed),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": lambda packed: io.BufferedReader(_Zstandard(packed)),
}


@dataclass
class Allowance:
    """How many bytes a file of `packed` bytes may still become."""

    packed: int
    left: int = -1

    def __post_init__(self) -> None:
        self.left = max(_FREE_BYTES, _MOST_TIMES * self.packed)

    def take(self, size: int) -> None:
        """Count bytes that were unpacked. Raises InputError when they are too many."""
        self.left -= size
        if self.left < 0:
            limit = max(_FREE_BYTES, _MOST_TIMES * self.packed)
            raise InputError(
                "it unpacks to far more than its size",
                why=f"{as_size(self.packed)} become more than {as_size(limit)}, as in a file made to fill a machine",
                fix="leave it out; if you trust it, unpack it and give the folder",
            )


def unpacked(packed: BinaryIO) -> BinaryIO | None:
    """Return a reader of a gzip, bzip2, xz or Zstandard stream from its beginning; None for anything else."""
    packed.seek(0)
    beginning = packed.read(6)
    packed.seek(0)
    return next((open_it(packed) for magic, open_it in _FORMATS.items() if beginning.startswith(magic)), None)


def chunks(stream: BinaryIO, allowance: Allowance) -> Iterator[bytes]:
    """Yield what a stream unpacks to. Raises InputError when it is damaged, or too much."""
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            allowance.take(len(chunk))
            yield chunk
    except DAMAGE as error:
        raise damaged(error) from error


def damaged(error: Exception) -> InputError:
    """Say that an archive or a part of it cannot be unpacked."""
    return InputError(
        "it is damaged or incomplete",
        why=f"it cannot be unpacked: {error}"[:300],
        fix="fetch it again, or pack it anew",
    )


class Metered(io.RawIOBase):
    """A stream that can only be read on, and counts what was read."""

    def __init__(self, stream: BinaryIO, allowance: Allowance) -> None:
        self._chunks = chunks(stream, allowance)
        self._held = memoryview(b"")

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed wants any buffer
        """Fill as much of the target as the next chunk has."""
        if not self._held:
            self._held = memoryview(next(self._chunks, b""))
        size = min(len(target), len(self._held))
        target[:size], self._held = self._held[:size], self._held[size:]
        return size


def safe_name(name: str) -> str:
    r"""Return a name inside an archive as a relative path of plain names.

    >>> safe_name("..\\..\\C:\\Users\\me\\notes.txt")
    'C:/Users/me/notes.txt'
    """
    parts = name.replace("\\", "/").encode("utf-8", errors="backslashreplace").decode("utf-8").split("/")
    kept = [part if part.isprintable() else repr(part)[1:-1] for part in parts if part not in ("", ".", "..")]
    return "/".join(kept) or "unnamed"
