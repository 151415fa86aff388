"""The files inside a zip archive that a service exported, under bounds, and without ever writing one.

A name is only a name here, so no archive can put anything anywhere. What makes archives dangerous is refused: more than
the archive can honestly hold (data/unpacking), members that share their bytes, too many of them, links and devices.
Archives inside the archive, as large exports are delivered in, are opened once.
"""

from __future__ import annotations

import calendar
import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from ingot.core.errors import InputError
from ingot.core.storage import as_size
from ingot.data.unpacking import DAMAGE, Allowance, chunks, damaged, safe_name

_MOST_MEMBERS = 200_000
_MOST_BYTES = 256 << 20
_MOST_INNER_BYTES = 1 << 30


@dataclass(frozen=True)
class PackedFile:
    """A file in an archive: its name, when it was changed, and its bytes; or, with a `reason`, why it is not read."""

    name: str
    modified: float = 0.0
    open: Callable[[], Iterator[bytes]] = lambda: iter(())
    reason: str = ""

    def read(self) -> bytes:
        """Return the whole content. Raises InputError when it is damaged or too much."""
        return b"".join(self.open())


def packed_files(stream: BinaryIO) -> list[PackedFile]:
    """Return the files of an archive, and of archives inside it, in the order of their names.

    They can be read for as long as the stream is open. Raises InputError when it is no archive, is damaged, or is made
    to explode.
    """
    return list(_files(stream, is_inner=False))


def _files(stream: BinaryIO, *, is_inner: bool) -> Iterator[PackedFile]:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    try:
        archive = zipfile.ZipFile(stream)
    except DAMAGE as error:
        raise damaged(error) from None
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > _MOST_MEMBERS or sum(info.compress_size for info in infos) > size:
        raise InputError(
            "it is not an honest archive",
            why=f"it lists {len(infos)} files that together are packed in more bytes than it has",
            fix="export it again",
        )
    allowance = Allowance(size)
    for info in sorted(infos, key=lambda info: info.filename):
        file = _file(archive, info, allowance)
        if file.name.lower().endswith(".zip") and not file.reason and not is_inner:
            yield from _inner(file)
        else:
            yield file


def _inner(file: PackedFile) -> Iterator[PackedFile]:
    try:
        yield from _files(io.BytesIO(file.read()), is_inner=True)
    except InputError as error:
        yield PackedFile(file.name, reason=f"{error.what}: {error.why}")


def _file(archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance) -> PackedFile:
    name = safe_name(info.filename)
    mode = info.external_attr >> 16
    if info.flag_bits & 0x1:
        return PackedFile(name, reason="it is protected by a password")
    if stat.S_IFMT(mode) and not stat.S_ISREG(mode):
        return PackedFile(name, reason="it is a link or a device, not a file")
    most = _MOST_INNER_BYTES if name.lower().endswith(".zip") else _MOST_BYTES
    too_large = f"it is larger than {as_size(most)}; unpack the export and give the files in it"
    if info.file_size > most:
        return PackedFile(name, reason=too_large)

    def opened() -> Iterator[bytes]:
        left = most
        try:
            with archive.open(info) as part:
                for chunk in chunks(cast(BinaryIO, part), allowance):
                    left -= len(chunk)
                    if left < 0:  # its header told less
                        raise InputError(too_large, fix="leave it out")
                    yield chunk
        except DAMAGE as error:
            raise damaged(error) from None

    return PackedFile(name, _seconds(info), opened)


def _seconds(info: zipfile.ZipInfo) -> float:
    """Return the time a zip archive gives, which knows no time zone: it is taken for UTC."""
    try:
        return float(calendar.timegm(info.date_time))
    except (ValueError, OverflowError):
        return 0.0
