"""Judge: what happens to every document, decided once for the whole corpus from its annotations.

Exact repeats are dropped. Everything else is dropped only by a rule of the recipe: near repeats when it says so, and
what its rules match. The rest is split into text to train on and text to be judged by. What lies far from the rest of
the corpus is flagged, for a person to see.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ingot.core.errors import InputError
from ingot.data.annotating import OWN_COLUMNS
from ingot.data.annotations import Annotation, Judged, judge
from ingot.data.config import CurateConfig
from ingot.data.dedup import exact
from ingot.data.rules import matching
from ingot.data.similarity import Sketches, groups
from ingot.data.split import Split, split

EXACT, NEAR = "exact duplicate", "near duplicate"
TRAIN, HELD_OUT, DROPPED, CUT = "train", "held_out", "dropped", "cut"
VERDICTS = "verdicts"

Integers = npt.NDArray[np.int64]

_VERDICT = pa.schema(
    [
        pa.field("goes_to", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("duplicate_of", pa.string()),
        pa.field("flags", pa.list_(pa.string()), nullable=False),
    ]
)


@dataclass(frozen=True, eq=False)
class Measured:
    """The annotations of all documents, in their order; about half a kilobyte a document, and no text."""

    table: pa.Table
    kinds: Sequence[Mapping[str, Any]]
    shards: Sequence[int]  # documents in each shard

    @cached_property
    def doc_ids(self) -> list[str]:
        """Return the documents' ids."""
        return self._list("doc_id")

    @cached_property
    def parsers(self) -> list[str]:
        """Return the parser that read each document."""
        return self._list("parser")

    @cached_property
    def sizes(self) -> Integers:
        """Return the bytes of each text, as it goes into the dataset."""
        return np.asarray(self.table["bytes"].to_numpy(), np.int64)

    @cached_property
    def fingerprints(self) -> list[bytes]:
        """Return what is equal for equal texts."""
        return self._list("fingerprint")

    @cached_property
    def sketches(self) -> Sketches:
        """Return the MinHash signatures."""
        column = self.table["signature"].combine_chunks()
        signatures = column.flatten().to_numpy().reshape(len(column), column.type.list_size)
        return Sketches(signatures, self.table["is_sketched"].to_numpy())

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return one annotation; words as objects."""
        return np.asarray(self.table[name].to_numpy(zero_copy_only=False))

    def annotations(self) -> list[Annotation]:
        """Return the numeric annotations that have a flag for what is far out."""
        flagged = [kind for kind in self.kinds if kind["flag"]]
        return [Annotation(values=self.column(kind["column"]).astype(np.float64), **kind) for kind in flagged]

    def _list(self, name: str) -> list[Any]:
        values: list[Any] = self.table[name].to_pylist()
        return values


@dataclass(frozen=True)
class Verdict:
    """What happens to each document: where it goes, why it is dropped, what it repeats, what is unusual about it."""

    goes_to: Sequence[str]
    reasons: Sequence[str | None]
    repeats: Integers  # the number of the document that stays instead; its own when it repeats nothing
    judged: Judged


def load(files: Sequence[Path], kinds: Sequence[Mapping[str, Any]]) -> Measured:
    """Read the annotations of all shards."""
    names = [name for name in OWN_COLUMNS if name != "changes"] + [kind["column"] for kind in kinds]
    tables = [pq.read_table(path, columns=names) for path in files]
    return Measured(pa.concat_tables(tables), kinds, [len(table) for table in tables])


def judge_all(measured: Measured, config: CurateConfig) -> Verdict:
    """Decide about every document. Raises InputError when less text stays than anything can be learned from."""
    reasons, repeats = find_duplicates(measured, config)
    for rule in config.drop:
        columns = {kind["column"]: measured.column(kind["column"]) for kind in measured.kinds}
        for number in np.flatnonzero(matching(rule, {**columns, "bytes": measured.sizes}, measured.parsers)).tolist():
            reasons[number] = reasons[number] or rule.name
    kept = np.array([number for number, reason in enumerate(reasons) if reason is None], dtype=np.int64)
    require_enough(int(measured.sizes[kept].sum()), config.least_bytes, reasons)
    chosen = hold_out(measured, kept, config)
    goes_to = np.where(chosen.is_held_out, HELD_OUT, TRAIN).tolist()
    for number, reason in enumerate(reasons):
        goes_to[number] = DROPPED if reason else CUT if number == chosen.cut else goes_to[number]
    return Verdict(goes_to, reasons, repeats, judge(measured.annotations(), measured.parsers))


def find_duplicates(measured: Measured, config: CurateConfig) -> tuple[list[str | None], Integers]:
    """Return for every document why it is dropped (None: it stays) and the number of the one it repeats."""
    same = exact.first_of_each(measured.fingerprints)
    similar = groups(measured.sketches, config.near.similarity)
    first = np.minimum(same, similar)
    # The first of an exact group may itself be near an earlier document: what stays is at the end of that chain.
    while (first[first] != first).any():
        first = first[first]
    own = np.arange(len(first))
    near = NEAR if config.drop_near_duplicates else None
    reasons = [
        EXACT if same[number] != number else near if first[number] != number else None for number in own.tolist()
    ]
    # An exact repeat points to what is equal to it, as long as that stays.
    return reasons, first if config.drop_near_duplicates else np.where(same != own, same, first)


def hold_out(measured: Measured, kept: Integers, config: CurateConfig) -> Split:
    """Split the documents that stay; numbers in the result are those of all documents."""
    parents = measured.table["parent_id"].to_pylist()
    chosen = split(
        groups(measured.sketches.take(kept), config.split.similarity),
        [parents[number] for number in kept],
        measured.sizes[kept],
        [measured.fingerprints[number] for number in kept],
        config.split,
    )
    is_held_out = np.zeros(len(measured.sizes), np.bool_)
    is_held_out[kept] = chosen.is_held_out
    return Split(is_held_out, None if chosen.cut is None else int(kept[chosen.cut]))


def require_enough(text_bytes: int, least_bytes: int, reasons: Sequence[str | None] = ()) -> None:
    """Raise InputError when there is too little text."""
    if text_bytes < least_bytes:
        dropped = Counter(reason for reason in reasons if reason)
        lost = "; dropped: " + ", ".join(f"{reason} ({count})" for reason, count in dropped.most_common())
        raise InputError(
            f"there are only {text_bytes:,} bytes of text",
            why=f"a model cannot be trained and judged on less than {least_bytes:,} bytes" + (lost if dropped else ""),
            fix=f"add documents: {least_bytes:,} bytes of text work, a useful model wants millions",
        )


def write_verdicts(verdict: Verdict, measured: Measured, folder: Path) -> list[Path]:
    """Write each shard's part of the verdict; return the files in the order of the shards."""
    ids = measured.doc_ids
    originals = [ids[first] if first != number else None for number, first in enumerate(verdict.repeats.tolist())]
    flags = [list(each) for each in verdict.judged.flags]
    columns = (verdict.goes_to, verdict.reasons, originals, flags)
    table = pa.table([pa.array(values, field.type) for values, field in zip(columns, _VERDICT, strict=True)], _VERDICT)
    folder.mkdir(exist_ok=True)
    files, start = [], 0
    for number, rows in enumerate(measured.shards):
        files.append(folder / f"{number:05}.parquet")
        pq.write_table(table.slice(start, rows), files[-1])
        start += rows
    return files
