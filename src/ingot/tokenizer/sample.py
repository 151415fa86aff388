"""Choose the text that the merges are learned from: all of a small corpus, a fixed share of a large one.

The corpus is cut into pieces, and a piece is taken when the hash of its document's id and its number falls below the
share that fits. So the choice depends on nothing but the documents, every part of the corpus is represented by its
size, and one huge document counts for its share instead of filling the sample.

With a temperature above 1, small languages count for more than their size: a language with a share p of the bytes gets
one that is proportional to p ** (1 / temperature) (Conneau et al. 2020, "Unsupervised cross-lingual representation
learning at scale", section 3.1, where 1 / temperature is 0.3). A language is what the column `language` says, or the
script where it says nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingot.core.tables import read_batches
from ingot.tokenizer.pieces import pieces
from ingot.tokenizer.scripts import script_of

LANGUAGE = "language"
# Reading the same text more often than that teaches a vocabulary its accidents.
MOST_REPEATS = 4.0

_EVERYTHING = ""
_HASHES = 1 << 64


@dataclass(frozen=True)
class Share:
    """How much of a corpus is read: its UTF-8 bytes, those of the sample, and which fraction of each language.

    A fraction above 1 is repeated. With a temperature of 1 there is one language, whose name is empty.
    """

    total_bytes: int
    sample_bytes: int
    fractions: Mapping[str, float]
    temperature: float = 1.0


def share_of(files: Sequence[Path] | Path, sample_bytes: int, temperature: float = 1.0) -> Share:
    """Measure the corpus and say which fraction of each language fits in `sample_bytes`. Reads the text once."""
    sizes: Counter[str] = Counter()
    for batch, languages in _read(files, temperature):
        if languages is None:
            sizes[_EVERYTHING] += pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0
        else:
            sizes.update(_sizes(batch, languages))
    total = sum(sizes.values())
    weights = {language: (size / total) ** (1 / temperature) for language, size in sorted(sizes.items()) if size}
    scale = min(sample_bytes, total) / sum(weights.values()) if weights else 0.0
    limit = 1.0 if temperature == 1.0 else MOST_REPEATS
    fractions = {name: min(limit, weight * scale / sizes[name]) for name, weight in weights.items()}
    expected = sum(sizes[name] * fraction for name, fraction in fractions.items())
    return Share(total, round(expected), fractions, temperature)


def sample_texts(files: Sequence[Path] | Path, share: Share) -> Iterator[str]:
    """Yield the chosen pieces of text in the order of the files; memory is that of a few documents."""
    for batch, languages in _read(files, share.temperature):
        names = [_EVERYTHING] * batch.num_rows if languages is None else languages
        for doc_id, text, name in zip(batch.column("doc_id"), batch.column("text"), names, strict=True):
            yield from _chosen(doc_id.as_py(), text.as_py(), share.fractions.get(name, 0.0))


def language_of(stated: str | None, text: str) -> str:
    """Return the language a document is said to be in, or else its script."""
    return stated or script_of(text)


def _read(files: Sequence[Path] | Path, temperature: float) -> Iterator[tuple[pa.RecordBatch, list[str] | None]]:
    """Yield ids and texts, with the language of each when it matters."""
    for path in [files] if isinstance(files, Path) else files:
        has_language = LANGUAGE in pq.read_schema(path).names
        for batch in read_batches(path, ["doc_id", "text", *([LANGUAGE] if has_language else [])]):
            if temperature == 1.0:
                yield batch, None
                continue
            stated = batch.column(LANGUAGE).to_pylist() if has_language else [None] * batch.num_rows
            texts = batch.column("text").to_pylist()
            yield batch, [language_of(name, text) for name, text in zip(stated, texts, strict=True)]


def _sizes(batch: pa.RecordBatch, languages: Sequence[str]) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for language, size in zip(languages, pc.binary_length(batch.column("text")).to_pylist(), strict=True):
        sizes[language] += size
    return sizes


def _chosen(doc_id: str, text: str, fraction: float) -> Iterator[str]:
    for number, piece in enumerate(pieces(text)):
        whole, rest = divmod(fraction, 1.0)
        is_more = rest > 0 and _hash(f"{doc_id}/{number}") < rest * _HASHES
        for _ in range(int(whole) + is_more):
            yield piece


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
