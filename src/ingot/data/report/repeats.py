"""Documents that repeat others: how many, exactly or nearly, how much text, and the largest clusters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingot.core.tables import read_batches
from ingot.data.judging import EXACT
from ingot.data.report.tables import SIZE, Part
from ingot.data.report.tally import Count

MOST_CLUSTERS, MOST_MEMBERS = 8, 6
_LONGEST_CHAIN = 4  # two are possible; a file that is in an archive twice has one id and names itself


@dataclass(frozen=True)
class Member:
    """A document of a cluster: which it is, the table and the file its row lies in, whether it is exactly the same."""

    doc_id: str
    uri: str
    table: str
    path: Path
    is_exact: bool


@dataclass(frozen=True)
class Cluster:
    """Documents that repeat one: how many with it, the bytes of the repeats, the one and the first of the others."""

    documents: int
    bytes: int
    original: Member | None
    members: Sequence[Member]


class Repeats:
    """Gathers the documents that repeat another, about 100 bytes each."""

    def __init__(self) -> None:
        self._tables: list[pa.Table] = []

    def add(self, part: Part) -> None:
        """Take note of the repeats of one file."""
        repeats = part.rows.filter(pc.is_valid(part.rows["duplicate_of"]))
        is_exact = (
            pc.fill_null(pc.equal(repeats["reason"], EXACT), False)
            if "reason" in repeats.column_names
            else pa.array(np.zeros(len(repeats), np.bool_))
        )
        kept = repeats.select(["doc_id", "duplicate_of", SIZE]).append_column("is_exact", is_exact)
        self._tables.append(kept.append_column("table", pa.array([part.table] * len(kept), pa.string())))

    @property
    def rows(self) -> pa.Table:
        """All repeats: doc_id, duplicate_of, bytes, is_exact, table."""
        return pa.concat_tables(self._tables).combine_chunks()

    def counted(self, *, exact: bool, dropped: bool | None = None) -> Count:
        """Count the exact repeats, or those that nearly repeat; all, or the dropped or the kept of them."""
        rows = self.rows
        wanted = pc.equal(rows["is_exact"], exact)
        if dropped is not None:
            wanted = pc.and_(wanted, pc.equal(pc.equal(rows["table"], "dropped"), dropped))
        sizes = rows.filter(wanted)[SIZE]
        return Count(len(sizes), int(pc.sum(sizes).as_py() or 0))

    def clusters(self, files: Sequence[tuple[str, Path]]) -> list[Cluster]:
        """Return the largest clusters; `files` are all of the dataset, with the table each belongs to."""
        rows = self.rows
        rows = rows.append_column("root", _roots(rows))
        sums = rows.group_by("root").aggregate([("doc_id", "count"), (SIZE, "sum")])
        order = [("doc_id_count", "descending"), (f"{SIZE}_sum", "descending"), ("root", "ascending")]
        largest = sums.sort_by(order).slice(0, MOST_CLUSTERS)
        chosen = {root: _members(rows, root) for root in largest["root"].to_pylist()}
        wanted = {row["doc_id"] for members in chosen.values() for row in members} | set(chosen)
        known = places(files, wanted)
        return [
            Cluster(
                row["doc_id_count"] + 1,
                row[f"{SIZE}_sum"],
                Member(row["root"], *known[row["root"]], True) if row["root"] in known else None,
                [
                    Member(each["doc_id"], *known[each["doc_id"]], each["is_exact"])
                    for each in chosen[row["root"]]
                    if each["doc_id"] in known
                ],
            )
            for row in largest.to_pylist()
        ]


def _roots(rows: pa.Table) -> pa.ChunkedArray:
    """Return what each repeats in the end: an exact copy may name one that nearly repeats another."""
    roots = rows["duplicate_of"]
    for _ in range(_LONGEST_CHAIN):
        place = pc.index_in(roots, value_set=rows["doc_id"])
        if place.null_count == len(place):
            break
        roots = pc.coalesce(rows["duplicate_of"].take(place), roots)
    return roots


def _members(rows: pa.Table, root: str) -> list[dict[str, Any]]:
    of_it = rows.filter(pc.equal(rows["root"], root)).sort_by([("is_exact", "descending"), ("doc_id", "ascending")])
    members: list[dict[str, Any]] = of_it.slice(0, MOST_MEMBERS).to_pylist()
    return members


def places(files: Sequence[tuple[str, Path]], wanted: Iterable[str]) -> dict[str, tuple[str, str, Path]]:
    """Return URI, table and file of some documents; `files` come with the table each belongs to."""
    found = {}
    ids = pa.array(sorted(wanted), pa.string())
    for table, path in files if len(ids) else ():
        for batch in read_batches(path, ("doc_id", "uri")):
            rows = batch.filter(pc.is_in(batch.column("doc_id"), ids))
            found.update({row["doc_id"]: (row["uri"], table, path) for row in rows.to_pylist()})
    return found
