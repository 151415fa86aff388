"""Shards: a dataset as one long row of token ids per split, and where in it each document lies.

A document is `<|bos|>`, its tokens, `<|eos|>`; documents follow one another without gaps in `train.bin` and
`held_out.bin` (little endian, 16 bits an id where the vocabulary allows it). `<split>.documents.parquet` lists them in
that order, so a token leads back to its document by one binary search: lineage, erasure and answer tracing stand on it.
Where more text was given than is wanted, documents are taken in the order of a hash of their ids.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ingot.core.errors import InputError
from ingot.core.events import Emit
from ingot.core.storage import fsync_tree, room_on_disk, write_atomically
from ingot.data.selection import Selection, select
from ingot.tokenizer.codec import Codec

SPLITS = ("train", "held_out")
# Enough to measure bits per byte to a thousandth; more would only cost time at every evaluation.
HELD_OUT_TOKENS = 4_000_000

_SMALL_VOCABULARY = 1 << 16
_DOCUMENTS_IN_ROW_GROUP = 1 << 16
_BYTES_BETWEEN_REPORTS = 1_000_000
_INDEX = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("token_start", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)


def tokenize(
    dataset_folder: Path,
    tokenizer_folder: Path,
    out: Path,
    token_limit: int,
    emit: Emit,
    cores: int,
    held_out_limit: int = HELD_OUT_TOKENS,
) -> dict[str, Any]:
    """Write the shards of a dataset and return their facts: tokens, documents, bytes and fraction of each split.

    A limit of 0 takes every document; otherwise whole documents are taken until about that many tokens are there, the
    same ones for the same dataset and tokenizer. Memory does not grow with the dataset, except for 24 bytes a document.
    """
    codec = Codec.load(tokenizer_folder)
    dtype = "uint16" if codec.vocabulary <= _SMALL_VOCABULARY else "uint32"
    facts: dict[str, Any] = {}
    used = np.zeros(codec.vocabulary, dtype=np.int64)
    for split, limit in zip(SPLITS, (token_limit, held_out_limit), strict=True):
        selection = select(dataset_folder / f"{split}.parquet", limit, codec)
        with room_on_disk(out), _Writer(out, split, dtype, codec) as writer:
            writer.write(selection, emit, cores)
        used += writer.used
        facts |= {f"{split}_{name}": value for name, value in writer.facts(selection).items()}
    description = {"format": 1, "dtype": dtype, "vocabulary": codec.vocabulary, "bos": codec.bos, "eos": codec.eos}
    splits = {split: facts[f"{split}_tokens"] for split in SPLITS}
    write_atomically(out / "shards.json", json.dumps({**description, "tokens": splits}, indent=1) + "\n")
    fsync_tree(out)
    return {**facts, "dtype": dtype, "unused_tokens": int(np.count_nonzero(used == 0))}


class _Writer:
    """Write the two files of a split, document after document."""

    def __init__(self, out: Path, split: str, dtype: str, codec: Codec) -> None:
        self._codec = codec
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._path = out / f"{split}.bin"
        self._index_path = out / f"{split}.documents.parquet"
        self._rows: list[tuple[str, int, int, int]] = []
        self._tokens = self._bytes = self._documents = 0
        self.used = np.zeros(codec.vocabulary, dtype=np.int64)

    def __enter__(self) -> _Writer:
        self._file: IO[bytes] = self._path.open("wb")
        self._index = pq.ParquetWriter(self._index_path, _INDEX, compression="zstd")
        return self

    def __exit__(self, *_: object) -> None:
        self._flush_index()
        self._index.close()
        self._file.close()

    def write(self, selection: Selection, emit: Emit, cores: int) -> None:
        """Encode the chosen documents and append them."""
        # The codec reads texts ahead of the ids it returns; this remembers whose they are.
        in_flight: deque[tuple[str, int]] = deque()
        reported = -_BYTES_BETWEEN_REPORTS

        def texts() -> Iterator[str]:
            for doc_id, text in selection.documents():
                in_flight.append((doc_id, len(text.encode())))
                yield text

        for _, parts in groupby(self._codec.encode_parts(texts(), cores), key=itemgetter(0)):
            self._append(in_flight, (ids for _, ids in parts))
            if self._bytes - reported >= _BYTES_BETWEEN_REPORTS:
                reported = self._bytes
                emit("progress", done=self._bytes, total=selection.bytes, unit="bytes")

    def _append(self, in_flight: deque[tuple[str, int]], parts: Iterator[list[int]]) -> None:
        count = self._put([self._codec.bos]) + sum(map(self._put, parts)) + self._put([self._codec.eos])
        doc_id, size = in_flight.popleft()
        self._rows.append((doc_id, self._tokens, count, size))
        self._tokens += count
        self._bytes += size
        self._documents += 1
        if len(self._rows) >= _DOCUMENTS_IN_ROW_GROUP:
            self._flush_index()

    def _put(self, ids: list[int]) -> int:
        block = np.array(ids, dtype=self._dtype)
        self._file.write(block.tobytes())
        np.add.at(self.used, block, 1)
        return len(ids)

    def _flush_index(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else [[]] * len(_INDEX)
        self._index.write_table(pa.table([list(column) for column in columns], schema=_INDEX))
        self._rows = []

    def facts(self, selection: Selection) -> dict[str, Any]:
        """Return what was written; `fraction` is of the bytes of the split."""
        fraction = self._bytes / selection.available_bytes if selection.available_bytes else 1.0
        return {
            "tokens": self._tokens,
            "documents": self._documents,
            "bytes": self._bytes,
            "fraction": round(fraction, 6),
        }


@dataclass(frozen=True, eq=False)
class Shards:
    """One split, opened: token ids mapped from the disk, and the first token of each document."""

    tokens: npt.NDArray[np.unsignedinteger[Any]]
    starts: npt.NDArray[np.int64]
    index_path: Path

    @classmethod
    def open(cls, folder: Path, split: str) -> Shards:
        """Open a split without reading its tokens. Raises InputError when the files do not fit together."""
        path = Path(folder) / f"{split}.bin"
        try:
            description = json.loads((Path(folder) / "shards.json").read_text(encoding="utf-8"))
            dtype = np.dtype(description["dtype"]).newbyteorder("<")
            expected = description["tokens"][split] * dtype.itemsize
            is_whole = path.stat().st_size == expected
        except (OSError, ValueError, KeyError) as error:
            raise _damaged(path, str(error)) from error
        if not is_whole:
            raise _damaged(path, f"it has {path.stat().st_size} bytes, not {expected}")
        # An empty file cannot be mapped.
        tokens = np.memmap(path, dtype=dtype, mode="r") if expected else np.zeros(0, dtype=dtype)
        index_path = path.with_name(f"{split}.documents.parquet")
        starts = pq.read_table(index_path, columns=["token_start"]).column(0).to_numpy()
        return cls(tokens, starts, index_path)

    @cached_property
    def doc_ids(self) -> list[str]:
        """The ids of the documents, in the order they lie in; read when first asked for."""
        ids: list[str] = pq.read_table(self.index_path, columns=["doc_id"]).column(0).to_pylist()
        return ids

    def document_numbers(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return for each token position the number of the document it belongs to."""
        return np.asarray(np.searchsorted(self.starts, positions, side="right") - 1, dtype=np.int64)

    def documents_of(self, first_token: int, last_token: int) -> list[str]:
        """Return the ids of the documents that the tokens `first_token` to `last_token`, both included, come from."""
        first, last = self.document_numbers(np.array([first_token, last_token])).tolist()
        return self.doc_ids[first : last + 1]


def _damaged(path: Path, why: str) -> InputError:
    return InputError(
        "the shards are not whole",
        where=str(path),
        why=why,
        fix="remove this artifact and run the build again; it is made anew",
    )
