"""Delete the lines that most documents of one place repeat: page headers, navigation, disclaimers, letterheads.

A place is what the names of documents have in common: a site, a folder, an archive, at every level. The lines are
counted in a sample, the documents whose hashed ids are smallest (bottom-k; Cohen and Kaplan, 2007): all of a usual
corpus, and of a larger one as many as memory is meant for. Such samples merge in any order to the same one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingot.data.batch import TextBatch
from ingot.data.edits import Edit

REPEATED = "line repeated by most documents here"
SURVEY = pa.schema(
    [
        pa.field("place", pa.string(), nullable=False),
        pa.field("document", pa.uint64(), nullable=False),
        pa.field("lines", pa.list_(pa.uint64()), nullable=False),
    ]
)
_MOST_LEVELS = 16
_MOST_LINES_OF_AN_END = 200  # what repeats stands at the beginning, at the end, or on every page
_DIGITS = re.compile(r"\d+")
_LETTERS = re.compile(r"[^\W\d_]")
_FENCES = ("```", "~~~")
_STRUCTURE = ("#", "|", "---", "===")  # headings, tables and rules, which texts of one kind share

Hashes = npt.NDArray[np.uint64]
Repeated = Mapping[str, frozenset[int]]


@dataclass(frozen=True)
class Config:
    """When a line is boilerplate: in at least this `share` of a place's documents, `least_documents` of them or more.

    Lines with fewer than `least_letters` letters stay, and so do headings, tables and code, and lines longer than
    `most_characters`: they would be gone altogether, while the transform repeated_paragraphs keeps one. With
    `ignore_digits` lines that differ in numbers are the same (`Page 3 of 7`, but `Total: 120` too).

    `most_documents` are kept in the sample, at most 400 lines of each, 8 bytes a line. Texts of `except_parsers` stay
    as they are.
    """

    share: float = 0.7
    least_documents: int = 10
    least_letters: int = 3
    most_characters: int = 200
    ignore_digits: bool = False
    most_documents: int = 100_000
    except_parsers: tuple[str, ...] = ("code", "jsonl", "table")


class Line(NamedTuple):
    """Where a line begins and ends, its line feed included, and what it says, without white space at its ends."""

    start: int
    end: int
    content: str


class Transform:
    """Surveys the lines of documents by place, and deletes those that repeat."""

    surveys = True

    def __init__(self, config: Config) -> None:
        self._config = config
        self._repeated: tuple[pa.Table | None, Repeated] = (None, {})

    def survey(self, batch: TextBatch) -> pa.Table:
        """Return place, hashed id and hashed lines of the documents."""
        rows = [(_place(uri), _hash(doc_id), self._hashes(text)) for uri, doc_id, text in self._read(batch)]
        columns = zip(*rows, strict=True) if rows else ((), (), ())
        arrays = [pa.array(values, field.type) for values, field in zip(columns, SURVEY, strict=True)]
        return self.merge([pa.table(arrays, SURVEY)])

    def merge(self, tables: Iterable[pa.Table]) -> pa.Table:
        """Return the documents with the smallest hashes, sorted by them."""
        held = SURVEY.empty_table()
        for table in tables:
            held = pa.concat_tables([held, table])
            if len(held) > 2 * self._config.most_documents:
                held = self._smallest(held)
        return self._smallest(held)

    def _smallest(self, table: pa.Table) -> pa.Table:
        order = pc.sort_indices(table, [("document", "ascending"), ("place", "ascending")])
        return table.take(order[: self._config.most_documents]).combine_chunks()

    def edits(self, batch: TextBatch, state: pa.Table | None) -> Sequence[Sequence[Edit]]:
        """Return the deletions of every text."""
        if state is not None and self._repeated[0] is not state:
            self._repeated = (state, repeated_lines(state, self._config.share, self._config.least_documents))
        unwanted: dict[str, frozenset[int]] = {}
        found: list[Sequence[Edit]] = [()] * len(batch)
        columns = (batch.rows.column("uri").to_pylist(), self._is_read(batch), batch.strings)
        for number, (uri, is_read, text) in enumerate(zip(*columns, strict=True)):
            place = _place(uri)
            if place not in unwanted:
                unwanted[place] = frozenset().union(*(self._repeated[1].get(level, ()) for level in levels(place)))
            if is_read and unwanted[place]:
                found[number] = tuple(self._deletions(text, unwanted[place]))
        return found

    def _is_read(self, batch: TextBatch) -> list[bool]:
        return [parser not in self._config.except_parsers for parser in batch.rows.column("parser").to_pylist()]

    def _read(self, batch: TextBatch) -> Iterator[tuple[str, str, str]]:
        uris, ids = (batch.rows.column(name).to_pylist() for name in ("uri", "doc_id"))
        for uri, doc_id, is_read, text in zip(uris, ids, self._is_read(batch), batch.strings, strict=True):
            if is_read:
                yield uri, doc_id, text

    def _hashes(self, text: str) -> list[int]:
        most = self._config.most_characters
        distinct = list(dict.fromkeys(self._key(line) for line in prose_lines(text) if 0 < len(line.content) <= most))
        if len(distinct) > 2 * _MOST_LINES_OF_AN_END:
            distinct = distinct[:_MOST_LINES_OF_AN_END] + distinct[-_MOST_LINES_OF_AN_END:]
        return sorted(map(_hash, distinct))

    def _key(self, line: Line) -> str:
        return _DIGITS.sub("0", line.content) if self._config.ignore_digits else line.content

    def _deletions(self, text: str, unwanted: frozenset[int]) -> Iterator[Edit]:
        lines = [line for line in prose_lines(text) if not line.content or self._is_unwanted(line, unwanted)]
        yield from (Edit(start, end, "", REPEATED) for start, end in stretches(lines))

    def _is_unwanted(self, line: Line, unwanted: frozenset[int]) -> bool:
        return (
            len(line.content) <= self._config.most_characters
            and _hash(self._key(line)) in unwanted
            and not line.content.startswith(_STRUCTURE)
            and len(_LETTERS.findall(line.content)) >= self._config.least_letters
        )


def prose_lines(text: str) -> Iterator[Line]:
    """Yield the lines that are no code between fences."""
    start, fence = 0, ""
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        content = text[start:end].strip()
        if content.startswith(_FENCES):
            fence = "" if content[:3] == fence else fence or content[:3]
        elif not fence:
            yield Line(start, end, content)
        start = end


def stretches(lines: Iterable[Line]) -> Iterator[tuple[int, int]]:
    """Join lines to delete, and blank ones between them; blank ones after them go too, where some stand before them."""
    chunk: list[Line] = []
    for line in lines:
        if chunk and line.start != chunk[-1].end:
            yield from _stretch(chunk)
            chunk = []
        chunk.append(line)
    yield from _stretch(chunk)


def _stretch(chunk: Sequence[Line]) -> Iterator[tuple[int, int]]:
    filled = [number for number, line in enumerate(chunk) if line.content]
    if filled:
        is_after_blank = filled[0] > 0 or chunk[0].start == 0
        yield chunk[filled[0]].start, chunk[-1 if is_after_blank else filled[-1]].end


def repeated_lines(sample: pa.Table, share: float, least_documents: int) -> Repeated:
    """Return the hashes of the lines that enough of a place's documents have, for every place with such lines."""
    listed, places = sample["lines"].combine_chunks(), sample["place"].combine_chunks().dictionary_encode()
    lengths = pc.list_value_length(listed).to_numpy(zero_copy_only=False)
    documents = np.repeat(np.arange(len(sample)), lengths)
    distinct, numbers, times = np.unique(listed.flatten().to_numpy(), return_inverse=True, return_counts=True)
    is_candidate = times[numbers] >= least_documents
    numbers, documents = numbers[is_candidate], documents[is_candidate]
    parts = [place.split("/") if place else [] for place in places.dictionary.to_pylist()]
    found: dict[str, frozenset[int]] = {}
    for depth in range(min(_MOST_LEVELS, max(map(len, parts), default=0)) + 1):
        # The place of this depth that each document lies in; those that do not lie so deep have one of their own, None.
        names = ["/".join(each[:depth]) if len(each) >= depth else None for each in parts]
        known = {name: code for code, name in enumerate(dict.fromkeys(names))}
        level = np.array([known[name] for name in names], np.int64)[places.indices.to_numpy()]
        pairs, times = np.unique(level[documents] * len(distinct) + numbers, return_counts=True)
        size = np.bincount(level, minlength=len(known))[pairs // max(len(distinct), 1)]
        usual = pairs[(times >= least_documents) & (times >= share * size)]
        for name, code in known.items():
            first, last = np.searchsorted(usual, (code * len(distinct), (code + 1) * len(distinct)))
            if name is not None and last > first:
                found[name] = frozenset(distinct[usual[first:last] - code * len(distinct)].tolist())
    return found


def levels(place: str) -> Iterator[str]:
    """Yield a place and the places it lies in, the whole corpus last.

    >>> list(levels("reports/2024"))
    ['reports/2024', 'reports', '']
    """
    while place:
        yield place
        place = place.rpartition("/")[0]
    yield ""


def _place(uri: str) -> str:
    return uri.rpartition("/")[0]


def _hash(content: str) -> int:
    digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
