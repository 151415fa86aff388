"""Which held-out text is scored: the same documents, byte for byte, for the model and for every baseline.

Documents come in the order of their identity, which is a hash and so as good as a shuffle and the same on every
machine, until the limit is reached. One very long document must not be the whole test: each gives at most a tenth of
the limit, or an equal share of it where there are fewer than ten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot.core.errors import InputError
from ingot.core.tables import parts, read_batches, read_rows

_SHARE_OF_ONE = 10


@dataclass(frozen=True)
class Text:
    """A held-out document, or its beginning."""

    doc_id: str
    uri: str
    text: str
    is_cut: bool = False

    @property
    def bytes(self) -> int:
        """Size as UTF-8."""
        return len(self.text.encode("utf-8"))


def held_out_texts(dataset: Path, limit_bytes: int) -> list[Text]:
    """Return the documents to score from a dataset's folder. Raises InputError when there are none."""
    rows = sorted(read_rows(parts(dataset, "held_out"), ("doc_id", "uri", "text")), key=lambda row: str(row["doc_id"]))
    taken: list[Text] = []
    left = limit_bytes
    most_of_one = max(limit_bytes // _SHARE_OF_ONE, limit_bytes // max(len(rows), 1))
    for row in rows:
        if left <= 0:
            break
        text = _beginning(row["text"], min(left, most_of_one))
        if text:
            taken.append(Text(row["doc_id"], row["uri"], text, len(text) < len(row["text"])))
            left -= taken[-1].bytes
    if not taken:
        raise InputError(
            "there is no held-out text to measure the model on",
            where=str(dataset),
            why="a model is only honest about text it has not seen",
            fix="add documents, so that some can be held out",
        )
    return taken


def training_text(dataset: Path, limit_bytes: int) -> list[bytes]:
    """Return training documents as UTF-8 until the limit is reached, evenly from the whole."""
    files = parts(dataset, "train")
    total = sum(len(text) for text in _texts(files))
    keep_every = max(total / max(limit_bytes, 1), 1.0)
    taken, due = [], 0.0
    for place, text in enumerate(_texts(files)):
        if place >= due:
            taken.append(text[:limit_bytes])
            due += keep_every
    return taken


def _texts(files: Sequence[Path]) -> Iterator[bytes]:
    for batch in read_batches(files, ("text",)):
        for text in batch.column(0):
            yield text.as_py().encode("utf-8")


def _beginning(text: str, limit_bytes: int) -> str:
    return text.encode("utf-8")[:limit_bytes].decode("utf-8", errors="ignore")
