"""The few texts a report looks into: the beginning of documents, masked, and where findings are in them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ingot.core.tables import read_batches
from ingot.data.report.masking import masked

_SHOWN = 160
_READ = 4 * _SHOWN
# A net under the detectors, which go by whole words: what holds five digits or more, and what looks like an address.
_LONG_NUMBER = re.compile(r"\w*\d(?:[\s.,/()+-]{0,2}\d){4,}\w*")
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.\w+")


def openings(examples: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return how the texts of examples (rows of `doc_id` and `path`) begin, by id, on one line and masked."""
    return {doc_id: opening(text) for doc_id, text in texts(examples)}


def opening(text: str) -> str:
    """Return how a text begins. It is masked before it is cut, so that no half of a name or number is left over.

    >>> opening("Call\\n\\n anna.example@example.com")
    'Call [email]'
    """
    line = _ADDRESS.sub("[address]", _LONG_NUMBER.sub("[number]", masked(" ".join(text[:_READ].split()))))
    return line if len(line) <= _SHOWN else line[:_SHOWN].rsplit(" ", 1)[0] + " ..."


def texts(examples: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield id and text of the documents of examples; one text in memory at a time, beside a batch of its file."""
    wanted: dict[Path, set[str]] = defaultdict(set)
    for example in examples:
        wanted[example["path"]].add(example["doc_id"])
    for path, doc_ids in sorted(wanted.items()):
        for batch in read_batches(path, ("doc_id", "text")):
            rows = batch.filter(pc.is_in(batch.column("doc_id"), pa.array(sorted(doc_ids), pa.string())))
            for row in rows.to_pylist():
                yield row["doc_id"], row["text"]
