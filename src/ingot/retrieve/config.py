"""How documents are cut for searching, and how their words count."""

from __future__ import annotations

from dataclasses import dataclass

from ingot.core.errors import UsageError

LEAST_PASSAGE_BYTES, MOST_PASSAGE_BYTES = 64, 1 << 20


@dataclass(frozen=True)
class IndexConfig:
    """Passages have at most `passage_bytes` in UTF-8.

    `saturation` (k1) says how soon one more occurrence of a word counts no more, `length_share` (b) how much a long
    passage pays for its length; the values are those of Robertson and Zaragoza (2009, section 3.3). `tables` are those
    of a dataset that are searched: what was held out for measuring is text, too, but may be wanted apart.
    """

    passage_bytes: int = 1200
    saturation: float = 1.2
    length_share: float = 0.75
    tables: tuple[str, ...] = ("train", "held_out")

    def __post_init__(self) -> None:
        """Raise UsageError for numbers that make no index."""
        where = "config of the index"
        if not LEAST_PASSAGE_BYTES <= self.passage_bytes <= MOST_PASSAGE_BYTES:
            raise UsageError(
                f"passages of {self.passage_bytes} bytes are of no use",
                where=where,
                fix=f"give passage_bytes from {LEAST_PASSAGE_BYTES} to {MOST_PASSAGE_BYTES:,}; 1200 is about 200 words",
            )
        if not self.saturation >= 0:
            raise UsageError(f"saturation is {self.saturation}", where=where, fix="give 0 or more; 1.2 is usual")
        if not 0 <= self.length_share <= 1:
            raise UsageError(f"length_share is {self.length_share}", where=where, fix="give 0 to 1; 0.75 is usual")
        if not self.tables:
            raise UsageError("no table would be searched", where=where, fix="name train, held_out or both in tables")
