"""Archives and compressed files (zip, tar, gzip, bzip2, xz, Zstandard): the files inside, each for its own parser.

Nothing is ever written: a member is bytes in memory under a name, so a name like `../../etc/passwd` leads nowhere.
Links, devices and locked members are listed with the reason. How much comes out is bounded by what went in, see
data/unpacking.
"""

from __future__ import annotations

import calendar
import io
import stat
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from ingot.core.errors import InputError
from ingot.core.storage import as_size
from ingot.data.document import Document, Member, Parsed, Unreadable
from ingot.data.unpacking import DAMAGE, Allowance, Metered, chunks, damaged, safe_name, unpacked
from ingot.flow.source import SourceItem

_TAR_MAGIC = slice(257, 262)
_TAR_ENDINGS = ("tar", "tgz", "tbz2", "txz", "tzst")
_LOCKED = InputError("it is protected by a password", fix="unpack it, then give the folder")


@dataclass(frozen=True)
class Config:
    """Settings of the archive parser: which name endings are its own, and the largest file inside, in bytes.

    A single compressed file is read on the fly and may be larger.
    """

    extensions: tuple[str, ...] = ("zip", *_TAR_ENDINGS, "gz", "bz2", "xz", "zst")
    member_bytes: int = 128 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Parsed]:
    """Yield every file inside as a Member. Raises InputError for what is damaged, empty or made to explode."""
    allowance = Allowance(item.bytes)
    beginning = stream.read(1024)
    stream.seek(0)
    if not beginning:
        raise InputError("the file is empty", fix="nothing, if it is meant to be empty; otherwise fetch it again")
    if beginning.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        found = _zip_members(stream, config, allowance)
    elif beginning[_TAR_MAGIC] == b"ustar":
        found = _tar_members(stream, config, allowance)
    else:
        found = _compressed(stream, item, config, allowance)
    yield from _numbered(found)


def _numbered(found: Iterator[Parsed]) -> Iterator[Parsed]:
    """Give every file a name of its own: archives may hold the same one twice."""
    seen: Counter[str] = Counter()
    for part in found:
        if isinstance(part, Member) and seen[part.name]:
            folder, slash, name = part.name.rpartition("/")
            yield replace(part, name=f"{folder}{slash}{seen[part.name] + 1}-{name}")
        else:
            yield part
        if not isinstance(part, Document):
            seen[part.name] += 1
    if not seen:
        raise InputError("there is no file in it", fix="nothing, if it is meant to be empty; otherwise pack it anew")


def _zip_members(stream: BinaryIO, config: Config, allowance: Allowance) -> Iterator[Parsed]:
    try:
        archive = zipfile.ZipFile(stream)
    except DAMAGE as error:
        raise damaged(error) from error
    with archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield _zip_member(archive, info, config, allowance)


def _zip_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, config: Config, allowance: Allowance
) -> Member | Unreadable:
    name = safe_name(info.filename)
    if info.flag_bits & 0x1:
        return Unreadable(name, _LOCKED)
    mode = info.external_attr >> 16
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        return Unreadable(name, _no_file())
    if info.file_size > config.member_bytes:
        return Unreadable(name, _too_large(info.file_size, config))
    try:
        with archive.open(info) as part:
            content = _content(cast(BinaryIO, part), config, allowance)
    except InputError as error:
        if allowance.left < 0:
            raise
        return Unreadable(name, error)
    except DAMAGE as error:
        return Unreadable(name, damaged(error))
    return Member(name, io.BytesIO(content), len(content), _when(info))


def _content(part: BinaryIO, config: Config, allowance: Allowance) -> bytes:
    held = bytearray()
    for chunk in chunks(part, allowance):
        held += chunk
        if len(held) > config.member_bytes:  # its header told less
            raise ValueError(f"it holds more than {as_size(config.member_bytes)}")
    return bytes(held)


def _tar_members(stream: BinaryIO, config: Config, allowance: Allowance) -> Iterator[Parsed]:
    # As a stream: going back in a compressed one would mean unpacking it from the start for every member.
    reader = io.BufferedReader(Metered(stream, allowance))
    try:
        with tarfile.open(fileobj=reader, mode="r|") as archive:
            for info in archive:
                if not info.isdir():
                    yield _tar_member(archive, info, config, allowance)
    except (tarfile.TarError, *DAMAGE) as error:
        raise damaged(error) from error


def _tar_member(
    archive: tarfile.TarFile, info: tarfile.TarInfo, config: Config, allowance: Allowance
) -> Member | Unreadable:
    name = safe_name(info.name)
    if not info.isreg():
        return Unreadable(name, _no_file())
    if info.size > config.member_bytes:
        return Unreadable(name, _too_large(info.size, config))
    allowance.take(info.size)  # a file with holes takes no room in the archive
    part = archive.extractfile(info)
    content = part.read() if part is not None else b""
    return Member(name, io.BytesIO(content), len(content), float(info.mtime))


def _compressed(stream: BinaryIO, item: SourceItem, config: Config, allowance: Allowance) -> Iterator[Parsed]:
    reader = unpacked(stream)
    if reader is None:
        raise InputError(
            "it is not an archive, or one of an unknown kind",
            why="its first bytes are not those of zip, tar, gzip, bzip2, xz or Zstandard",
            fix="unpack it, then give the folder",
        )
    held = bytearray()
    size = 0
    for chunk in chunks(reader, allowance):
        size += len(chunk)
        if size <= config.member_bytes:
            held += chunk
        if held[_TAR_MAGIC] == b"ustar" and (again := unpacked(stream)):
            yield from _tar_members(again, config, Allowance(item.bytes))
            return
    name = safe_name(item.uri.rpartition("/")[2].rpartition(".")[0])
    if size <= config.member_bytes:
        yield Member(name, io.BytesIO(held), size)
    elif (again := unpacked(stream)) and again.seekable():
        del held
        yield Member(name, again, size)
    else:
        yield Unreadable(name, _too_large(size, config))


def _when(info: zipfile.ZipInfo) -> float | None:
    """Return the time a zip archive gives, which knows no time zone: it is taken for UTC."""
    try:
        return float(calendar.timegm(info.date_time))
    except (ValueError, OverflowError):
        return None


def _no_file() -> InputError:
    return InputError("it is a link or a device, not a file", fix="pack the file itself")


def _too_large(size: int, config: Config) -> InputError:
    return InputError(
        "it is too large to be read inside an archive",
        why=f"it is {as_size(size)}, at most {as_size(config.member_bytes)} are read there",
        fix="unpack it, then give the folder",
    )
