"""Delete paragraphs that stand word for word in an earlier document, so that each is read once.

Laws quoted in every decision, standard clauses, texts forwarded again: a paragraph is kept in one of the documents
that have it, the one whose hashed id is smallest, and deleted in the others. Paragraphs are known by 64-bit hashes;
where there are more different ones than memory is meant for, those with the smallest hashes are looked at (bottom-k;
Cohen and Kaplan, 2007), so that surveys merge in any order to the same one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingot.data.batch import TextBatch
from ingot.data.edits import Edit

REPEATED = "paragraph of another document"
SURVEY = pa.schema(
    [pa.field("paragraph", pa.uint64(), nullable=False), pa.field("document", pa.uint64(), nullable=False)]
)
_GAP = re.compile(r"\n[^\S\n]*\n\s*")

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Config:
    """Which paragraphs are looked at: those of `least_characters` or more, at most `most_paragraphs` different ones.

    One needs 16 bytes of memory and three times as much while surveys are merged. A document of which more than
    `most_deleted` (a share of its characters) would go is left as it is: it is a copy, which is for the dedup of
    documents to decide. Texts of `except_parsers` stay as they are.
    """

    least_characters: int = 150
    most_paragraphs: int = 10_000_000
    most_deleted: float = 0.8
    except_parsers: tuple[str, ...] = ("code",)


class Transform:
    """Surveys which document each paragraph belongs to, and deletes it in the others."""

    surveys = True

    def __init__(self, config: Config) -> None:
        self._config = config

    def survey(self, batch: TextBatch) -> pa.Table:
        """Return the hashes of the paragraphs and of the documents they belong to."""
        found = [(hashed, document) for document, paragraphs in self._read(batch) for hashed, _, _ in paragraphs]
        pairs = np.array(found, np.uint64).reshape(len(found), len(SURVEY))
        return self.merge([_table(pairs[:, 0], pairs[:, 1])])

    def merge(self, tables: Iterable[pa.Table]) -> pa.Table:
        """Return each paragraph once, sorted, with the smallest of its documents."""
        held = SURVEY.empty_table()
        for table in tables:
            held = pa.concat_tables([held, table])
            if len(held) > 2 * self._config.most_paragraphs:
                held = self._smallest(held)
        return self._smallest(held)

    def _smallest(self, table: pa.Table) -> pa.Table:
        paragraphs, documents = (table[name].to_numpy() for name in SURVEY.names)
        order = np.lexsort((documents, paragraphs))
        paragraphs = paragraphs[order]
        is_first = np.ones(len(paragraphs), np.bool_)
        is_first[1:] = paragraphs[1:] != paragraphs[:-1]
        kept = np.flatnonzero(is_first)[: self._config.most_paragraphs]
        return _table(paragraphs[kept], documents[order[kept]])

    def edits(self, batch: TextBatch, state: pa.Table | None) -> Sequence[Sequence[Edit]]:
        """Return the deletions of every text."""
        if state is None:
            return [()] * len(batch)
        known, owners = (state[name].combine_chunks().to_numpy() for name in SURVEY.names)
        found = []
        for (document, paragraphs), text in zip(self._read(batch), batch.strings, strict=True):
            hashes = np.array([hashed for hashed, _, _ in paragraphs], np.uint64)
            places = np.minimum(np.searchsorted(known, hashes), max(len(known) - 1, 0))
            is_elsewhere = (known[places] == hashes) & (owners[places] != np.uint64(document)) if len(known) else ()
            deletions = [
                Edit(start, end, "", REPEATED)
                for (_, start, end), goes in zip(paragraphs, is_elsewhere, strict=False)
                if goes
            ]
            is_copy = sum(edit.end - edit.start for edit in deletions) > self._config.most_deleted * len(text)
            found.append(() if is_copy else tuple(deletions))
        return found

    def _read(self, batch: TextBatch) -> Iterator[tuple[int, list[tuple[int, int, int]]]]:
        """Yield for each document its hash, and the hash, the beginning and the end of its paragraphs."""
        parsers, ids = (batch.rows.column(name).to_pylist() for name in ("parser", "doc_id"))
        for parser, doc_id, text in zip(parsers, ids, batch.strings, strict=True):
            is_read = parser not in self._config.except_parsers
            spans = paragraphs(text, self._config.least_characters) if is_read else ()
            yield _hash(doc_id), [(_hash(" ".join(text[start:end].split())), start, end) for start, end in spans]


def paragraphs(text: str, least_characters: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of the paragraphs of at least so many characters, with the blank lines after each.

    >>> list(paragraphs("One.\\n\\nTwo, longer.", 8))
    [(6, 18)]
    """
    start = 0
    while start < len(text):
        gap = _GAP.search(text, start)
        end, following = gap.span() if gap else (len(text), len(text))
        if end - start >= least_characters:
            yield start, following
        start = following


def _table(paragraphs: Hashes, documents: Hashes) -> pa.Table:
    return pa.table([pa.array(paragraphs), pa.array(documents)], SURVEY)


def _hash(content: str) -> int:
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
