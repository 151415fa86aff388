"""Say what a vocabulary is worth on text it was not learned from.

Bytes per token is the figure that matters: a model pays for tokens and people count bytes, so 10% more bytes per
token is 10% less work for the same text. It is given for each kind of document too, because an average hides the kind
that is served badly; tokens per word (fertility) says the same in the unit of the literature (Rust et al. 2021,
section 3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ingot.tokenizer.codec import Codec
from ingot.tokenizer.pieces import pieces

_ROWS_AT_ONCE = 16
_SAMPLE_BYTES = 2_000_000


def measure(codec: Codec, parquet: Path, sample_bytes: int = _SAMPLE_BYTES) -> dict[str, Any]:
    """Encode up to `sample_bytes` of a Parquet file's documents, first piece by first piece, and return the figures.

    Keys: `measured_bytes`, `bytes_per_token`, `tokens_per_word`, `single_byte_share` (tokens that fell back to one
    byte of a character outside ASCII) and `bytes_per_token_by_kind` (by media type, most text first).
    """
    total: Counter[str] = Counter()
    bytes_by_kind: Counter[str] = Counter()
    tokens_by_kind: Counter[str] = Counter()
    for kind, text in _openings(parquet, sample_bytes):
        ids = codec.encode(text)
        size = len(text.encode())
        bytes_by_kind[kind] += size
        tokens_by_kind[kind] += len(ids)
        total.update(bytes=size, tokens=len(ids), words=len(text.split()))
        total["single"] += sum(1 for token_id in ids if _is_fragment(codec.token_bytes(token_id)))
    kinds = {kind: round(size / tokens_by_kind[kind], 3) for kind, size in bytes_by_kind.most_common()}
    return {
        "measured_bytes": total["bytes"],
        "bytes_per_token": round(total["bytes"] / max(1, total["tokens"]), 4),
        "tokens_per_word": round(total["tokens"] / max(1, total["words"]), 4),
        "single_byte_share": round(total["single"] / max(1, total["tokens"]), 5),
        "bytes_per_token_by_kind": kinds,
    }


def _is_fragment(token: bytes) -> bool:
    return len(token) == 1 and token[0] >= 0x80


def _openings(parquet: Path, sample_bytes: int) -> Iterator[tuple[str, str]]:
    """Yield the first piece of each document until enough was read: many documents, not one long one."""
    left = sample_bytes
    with pq.ParquetFile(parquet) as file:
        has_kind = "media_type" in file.schema_arrow.names
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=["text", *(["media_type"] if has_kind else [])]):
            for row in batch.to_pylist():
                opening = next(pieces(row["text"]), "")
                if opening and left > 0:
                    yield row.get("media_type") or "text", opening
                    left -= len(opening.encode())
            if left <= 0:
                return
