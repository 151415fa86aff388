"""One shard: some documents as a row of token ids, and which document each of them belongs to.

A folder of four files. `tokens.bin` holds the documents one after another without gaps, each as `<|bos|>`, its tokens,
`<|eos|>` (little endian, 16 bits an id where the vocabulary allows it). `starts.bin` holds the first token of each
document (32 bits) and `documents.parquet` their ids in the same order, so a token leads back to its document by one
binary search: lineage, erasure and answer tracing stand on it. `shard.json` counts all this and has the size and
SHA-256 of each file. The folder takes its name when it is whole, so a shard that can be seen can be read.
"""

from __future__ import annotations

import json
import os
import weakref
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ingot.core.errors import InputError
from ingot.core.storage import sha256_file, write_atomically

TOKENS, STARTS, DOCUMENTS, DESCRIPTION = "tokens.bin", "starts.bin", "documents.parquet", "shard.json"
MOST_TOKENS = (1 << 32) - 1  # what a start can say

_START = np.dtype("<u4")
_DOCUMENTS_IN_ROW_GROUP = 1 << 16
_INDEX = pa.schema([pa.field("doc_id", pa.string(), nullable=False), pa.field("bytes", pa.int64(), nullable=False)])

Tokens = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class Stretch:
    """Part of one document within a row: tokens `start` to `stop` of the document, standing at `place` in the row.

    Token 0 of a document is its `<|bos|>`.
    """

    doc_id: str
    start: int
    stop: int
    place: int


class ShardWriter:
    """Writes a shard into an empty folder, document after document."""

    def __init__(self, folder: Path, dtype: str, vocabulary: int) -> None:
        self.bytes = 0
        self.used = np.zeros(vocabulary, dtype=np.bool_)
        self._folder = folder
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._tokens = 0
        self._starts = array("I")
        self._rows: list[tuple[str, int]] = []

    def __enter__(self) -> ShardWriter:
        self._file = (self._folder / TOKENS).open("wb")
        # Ids do not repeat: a dictionary of them would only cost.
        self._index = pq.ParquetWriter(self._folder / DOCUMENTS, _INDEX, compression="zstd", use_dictionary=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._flush_index()
        self._index.close()
        self._file.close()

    def append(self, doc_id: str, size: int, parts: Iterable[Any]) -> None:
        """Add a document: its id, its bytes of text, and its token ids, framed, in one part or several."""
        self._starts.append(self._tokens)
        self._rows.append((doc_id, size))
        self.bytes += size
        for part in parts:
            ids = np.asarray(part, dtype=self._dtype)
            self._file.write(ids.tobytes())
            self.used[ids] = True
            self._tokens += len(ids)
        assert self._tokens <= MOST_TOKENS, "a shard is far below four billion tokens"
        if len(self._rows) >= _DOCUMENTS_IN_ROW_GROUP:
            self._flush_index()

    def finish(self) -> dict[str, Any]:
        """Describe the written files, once the writer is closed; return the description."""
        np.array(self._starts, dtype=_START).tofile(self._folder / STARTS)
        files = {name: _described(self._folder / name) for name in (TOKENS, STARTS, DOCUMENTS)}
        counted = {"tokens": self._tokens, "documents": len(self._starts), "bytes": self.bytes}
        description = {**counted, "dtype": self._dtype.name, "files": files}
        write_atomically(self._folder / DESCRIPTION, json.dumps(description, indent=1) + "\n")
        return description

    def _flush_index(self) -> None:
        ids, sizes = [doc_id for doc_id, _ in self._rows], [size for _, size in self._rows]
        self._index.write_table(pa.table([ids, sizes], schema=_INDEX))
        self._rows = []


class Shard:
    """A written shard. Nothing of it is in memory until it is asked for, and :meth:`release` gives that back."""

    def __init__(self, folder: Path) -> None:
        """Raise InputError when the files are not there in the size they were written."""
        self.folder = Path(folder)
        self._description = self._described()
        self.token_count = int(self._description["tokens"])
        self.document_count = int(self._description["documents"])
        self.dtype = np.dtype(self._description["dtype"]).newbyteorder("<")
        self._close: weakref.finalize[..., Shard] | None = None
        self._last_ids: tuple[int, pa.ChunkedArray] | None = None

    def _described(self) -> dict[str, Any]:
        try:
            text = (self.folder / DESCRIPTION).read_text(encoding="utf-8")
            description: dict[str, Any] = json.loads(text)
            for name, entry in description["files"].items():
                if (found := (self.folder / name).stat().st_size) != entry["bytes"]:
                    raise damaged(self.folder / name, f"it has {found} bytes, not {entry['bytes']}")
        except (OSError, ValueError, KeyError) as error:
            raise damaged(self.folder, str(error)) from error
        return description

    def verify(self) -> None:
        """Read every file and compare its SHA-256. Raises InputError naming the first that is not what was written."""
        for name, entry in self._description["files"].items():
            if sha256_file(self.folder / name) != entry["sha256"]:
                raise damaged(self.folder / name, "its bytes are not those that were written")

    @cached_property
    def tokens(self) -> Tokens:
        """All ids, mapped from the disk."""
        return _mapped(self.folder / TOKENS, self.dtype, self.token_count)

    @cached_property
    def starts(self) -> npt.NDArray[np.uint32]:
        """The first token of each document, mapped from the disk."""
        return _mapped(self.folder / STARTS, _START, self.document_count)

    def read_into(self, first: int, row: npt.NDArray[np.uint8]) -> None:
        """Fill a row of bytes with the ids from `first` on.

        Read, not mapped: the work is the same, but mapped pages of a large corpus pile up in the process, and a file
        that shrank under a map kills it.
        """
        if self._close is None or not self._close.alive:
            self._descriptor = os.open(self.folder / TOKENS, os.O_RDONLY)
            self._close = weakref.finalize(self, os.close, self._descriptor)
        if os.preadv(self._descriptor, [row.data], first * self.dtype.itemsize) != len(row):
            raise damaged(self.folder / TOKENS, "it ends before its last token")

    def release(self) -> None:
        """Close and unmap the files; they are opened again when needed."""
        if self._close is not None:
            self._close()
        self._last_ids = None
        for name in ("tokens", "starts"):
            self.__dict__.pop(name, None)

    def documents_at(self, first: int, count: int) -> list[Stretch]:
        """Return the documents that `count` tokens from `first` on come from, in order."""
        numbers = np.array([first, first + count - 1], dtype=_START)
        low, high = (np.searchsorted(self.starts, numbers, side="right") - 1).tolist()
        starts = [*self.starts[low : high + 1].tolist(), first + count]
        found = []
        for doc_id, start, after in zip(self.doc_ids(low, high + 1), starts, starts[1:], strict=False):
            begin = max(first, start)
            found.append(Stretch(doc_id, begin - start, after - start, begin - first))
        return found

    def doc_ids(self, start: int, stop: int) -> list[str]:
        """Return the ids of the documents numbered `start` to `stop`, without the last."""
        ids: list[str] = []
        for group in range(start // _DOCUMENTS_IN_ROW_GROUP, -(-stop // _DOCUMENTS_IN_ROW_GROUP)):
            before = group * _DOCUMENTS_IN_ROW_GROUP
            first = max(0, start - before)
            ids += self._ids(group).slice(first, stop - before - first).to_pylist()
        return ids

    def _ids(self, group: int) -> pa.ChunkedArray:
        """Return the ids of one row group: some 2 MB, kept because most questions are about neighbours."""
        if self._last_ids is None or self._last_ids[0] != group:
            with pq.ParquetFile(self.folder / DOCUMENTS) as file:
                self._last_ids = group, file.read_row_group(group, columns=["doc_id"]).column(0)
        return self._last_ids[1]

    def in_documents(self) -> Iterator[Tokens]:
        """Yield the ids of each document, with its two marks."""
        ends = [*self.starts[1:].tolist(), self.token_count]
        for start, end in zip(self.starts.tolist(), ends, strict=False):
            yield self.tokens[start:end]


def _mapped(path: Path, dtype: np.dtype[Any], count: int) -> npt.NDArray[Any]:
    # An empty file cannot be mapped. A plain array: slices of numpy's memmap class take ten times as long.
    return np.asarray(np.memmap(path, dtype=dtype, mode="r")) if count else np.zeros(0, dtype=dtype)


def _described(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256_file(path)}


def damaged(path: Path, why: str) -> InputError:
    """Describe a shard that is not what was written."""
    return InputError(
        "the shards are not whole",
        where=str(path),
        why=why,
        fix="remove this artifact and run the build again; it is made anew",
    )
