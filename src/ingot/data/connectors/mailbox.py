"""Mailboxes: mbox files, Maildir folders and folders of .eml or .msg files, a document for each message.

A message is named by its Message-ID (in an mbox) or its file (elsewhere, without the flags that change when it is
read), so moving messages about does not make them new. mbox is read as RFC 4155 and its relatives write it: a message
begins with a "From " line after an empty one.
"""

from __future__ import annotations

import email.parser
import email.utils
import hashlib
import os
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from ingot.core.errors import InputError
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.containers import at_range, file_item, list_containers, refused
from ingot.data.local_files import LEFT_BEHIND, LocalFile, find_files
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot, SourceItem

_START = re.compile(rb"From (?:\S+ )?.*\d{4}")
_FLAGS = re.compile(r":2,[A-Za-z]*$")
_FILES = ("eml", "msg")
_MOST_BYTES = 64 << 20
_HEADER_BYTES = 256 << 10
_MEDIA_TYPE = "message/rfc822"


@dataclass(frozen=True)
class Config:
    """Which mbox files, Maildirs or folders to read; folders are searched for all three kinds."""

    paths: tuple[str, ...]
    exclude: tuple[str, ...] = LEFT_BEHIND
    rights: Rights = field(default_factory=Rights)


class Connector:
    """Reads the messages of `config.paths`. `cache` holds what is known of them; the messages stay where they are."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        place = [[os.path.abspath(os.path.expanduser(path)) for path in config.paths], config.exclude]
        self._state = SourceState(cache, "mailbox", place)

    def snapshot(self) -> Snapshot:
        """List every message; an mbox or a message file that did not change is not opened."""
        boxes: list[LocalFile] = []
        items: list[SourceItem] = []
        skipped: list[tuple[str, str]] = []
        with self._state as state:
            for file in find_files(self._config.paths, self._config.exclude):
                try:
                    if _is_message(file):
                        items.append(file_item(state, _named(file), **_described(file)))
                    elif _is_mbox(file):
                        boxes.append(file)
                except OSError as error:
                    skipped.append((_named(file).uri, error.strerror or str(error)))
            found, refusals = list_containers(state, boxes, f"{__name__}:{messages.__name__}", {})
            return state.finish([*items, *found], [*skipped, *refusals], self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open a message."""
        return open_copy(item)


def messages(task: Mapping[str, Any], stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield the messages of an mbox as items; runs in the sandbox."""
    seen: set[str] = set()
    for start, content in _split(stream):
        identity, modified = _identity(content)
        uri = f"{task['uri']}/{urllib.parse.quote(identity, safe='@.+=')}.eml"
        if len(content) > _MOST_BYTES:
            yield refused(uri, f"it is larger than {_MOST_BYTES >> 20} MiB")
        elif uri in seen:
            yield refused(f"{uri} (again)", "another message has the same Message-ID")
        else:
            seen.add(uri)
            yield at_range(uri, start, content, modified, media_type=_MEDIA_TYPE)


def _split(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the start and the bytes of each message, up to one more than may be kept.

    Raises InputError when the file does not begin like an mbox.
    """
    place, start = 0, -1
    held = bytearray()
    is_after_blank = True
    for line in _lines(stream):
        if is_after_blank and _START.match(line):
            if start >= 0 and held.strip():
                yield start, bytes(held)
            start, held = place + len(line), bytearray()
        elif start < 0 and line.strip():
            raise InputError("it is not an mbox", why="its first line does not begin with 'From '", fix="leave it out")
        elif len(held) <= _MOST_BYTES:
            held += line
        place += len(line)
        is_after_blank = line in (b"\n", b"\r\n")
    if start >= 0 and held.strip():
        yield start, bytes(held)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(1 << 20):  # a longer one comes in pieces
        yield line


def _identity(content: bytes) -> tuple[str, float]:
    """Return the Message-ID, or a hash for a message without one, and the date in seconds since 1970."""
    headers = email.parser.BytesHeaderParser().parsebytes(content[:_HEADER_BYTES])
    identity = str(headers.get("Message-ID", "")).strip().strip("<>")
    return identity or hashlib.sha256(content).hexdigest()[:32], _date(str(headers.get("Date", "")))


def _date(text: str) -> float:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _is_message(file: LocalFile) -> bool:
    return _is_in_maildir(file) or file.path.suffix[1:].lower() in _FILES


def _is_in_maildir(file: LocalFile) -> bool:
    folder = file.path.parent
    return folder.name in ("cur", "new") and (folder.parent / "cur").is_dir() and (folder.parent / "new").is_dir()


def _named(file: LocalFile) -> LocalFile:
    """Name a message of a Maildir without its flags, and without the folder that says whether it was seen."""
    if not _is_in_maildir(file):
        return file
    folder, _, name = file.uri.rpartition("/")
    above = folder.rpartition("/")[0]
    plain = f"{_FLAGS.sub('', name)}.eml"
    return replace(file, uri=f"{above}/{plain}" if above else plain)


def _described(file: LocalFile) -> dict[str, Any]:
    return {} if file.path.suffix.lower() == ".msg" else {"media_type": _MEDIA_TYPE}


def _is_mbox(file: LocalFile) -> bool:
    if file.path.suffix.lower() in (".mbox", ".mbx"):
        return True
    if file.path.suffix or not file.path.is_file():
        return False
    with file.path.open("rb") as opened:  # an inbox often has no ending
        return opened.read(5) == b"From "
