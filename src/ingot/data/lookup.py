"""Find documents by id or URI in tables of many shards, without reading their texts.

Only the columns that tell documents apart are read, of row groups whose statistics say that the name can be in them.
URIs stand in order in a table, so for a URI that is a few groups. Ids are hashes and may be anywhere; but where all ids
are hashes, a name that is none need not be looked for among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingot.core.errors import InputError, suggest
from ingot.core.hardware import usable_cores
from ingot.core.tables import read_batches

LEAST_PREFIX = 8
_SHOWN = 5
_MOST_TRIED = 20_000
_COLUMNS = ("doc_id", "parent_id", "uri")
_HASH = re.compile(r"[0-9a-f]{32}")
_MAYBE_HASH = re.compile(r"[0-9a-f]{1,32}")


@dataclass(frozen=True)
class Found:
    """Some rows of one row group of a file."""

    path: Path
    group: int
    rows: tuple[int, ...]

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read the rows."""
        with pq.ParquetFile(self.path) as file:
            return file.read_row_group(self.group, columns=None if columns is None else list(columns)).take(self.rows)


def look_up(files: Sequence[Path], wanted: str, *, by_prefix: bool = False) -> Iterator[Found]:
    """Yield where documents have this id, parent id or URI, in the order of the files.

    With `by_prefix` a longer id is found by its beginning.
    """
    with ThreadPoolExecutor(usable_cores()) as pool:
        for found in pool.map(partial(_in_file, wanted=wanted, by_prefix=by_prefix), files):
            yield from found


def whole_name(files: Sequence[Path], wanted: str) -> str:
    """Return the only URI that ends with these whole names (`leave.md`, `handbook/leave.md`), else what was asked for.

    Raises InputError when several documents end so.
    """
    if next(look_up(files, wanted), None) is not None:
        return wanted
    ends = f"/{wanted}"
    found: set[str] = set()
    for batch in read_batches(files, ("uri",)):
        uris = batch.column(0)
        found.update(uris.filter(pc.ends_with(uris, ends)).to_pylist())
    if len(found) > 1:
        shown = ", ".join(sorted(found)[:_SHOWN]) + (", ..." if len(found) > _SHOWN else "")
        raise InputError(f"{len(found)} documents end in {wanted!r}", why=shown, fix="give more of the one you mean")
    return found.pop() if found else wanted


def holds(path: Path, doc_ids: Iterable[str]) -> bool:
    """Say whether a table has a row of one of these documents."""
    wanted = pa.array(sorted(doc_ids))
    return any(pc.any(pc.is_in(batch.column(0), wanted)).as_py() for batch in read_batches(path, ("doc_id",)))


def nearest(files: Sequence[Path], wanted: str) -> str:
    """Say which document was probably meant, by the last part of its URI; of very many the first are tried."""
    names: dict[str, str] = {}
    for batch in read_batches(files, ("uri",)):
        names.update((uri.rpartition("/")[2], uri) for uri in batch.column(0).to_pylist())
        if len(names) > _MOST_TRIED:
            break
    near = get_close_matches(wanted.rpartition("/")[2], names, n=1)
    return suggest(names[near[0]], [names[near[0]]]) if near else ""


def _in_file(path: Path, wanted: str, by_prefix: bool) -> list[Found]:
    found = []
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            columns = _possible(file.metadata.row_group(group), wanted, by_prefix)
            if not columns:
                continue
            table = file.read_row_group(group, columns=columns)
            rows = pc.indices_nonzero(_is_wanted(table, wanted, by_prefix)).to_pylist()
            if rows:
                found.append(Found(path, group, tuple(rows)))
    return found


def _possible(group: pq.RowGroupMetaData, wanted: str, by_prefix: bool) -> list[str]:
    """Return the columns of a row group that may hold the name."""
    columns = (group.column(number) for number in range(group.num_columns))
    known = {each.path_in_schema: each.statistics for each in columns if each.path_in_schema in _COLUMNS}
    return [name for name, statistics in known.items() if _may_hold(statistics, wanted, by_prefix and name == "doc_id")]


def _may_hold(known: pq.Statistics | None, wanted: str, by_prefix: bool) -> bool:
    if known is None:
        return True
    if not known.has_min_max:  # of nulls there is none, and neither of very long names
        return bool(known.num_values)
    if _HASH.fullmatch(known.min) and _HASH.fullmatch(known.max) and not _MAYBE_HASH.fullmatch(wanted):
        return False
    return bool(known.min <= wanted <= known.max or (by_prefix and known.min.startswith(wanted)))


def _is_wanted(table: pa.Table, wanted: str, by_prefix: bool) -> pa.ChunkedArray:
    tests = [
        pc.starts_with(table[name], wanted) if by_prefix and name == "doc_id" else pc.equal(table[name], wanted)
        for name in table.column_names
    ]
    is_wanted = pc.fill_null(tests[0], False)
    for other in tests[1:]:
        is_wanted = pc.or_(is_wanted, pc.fill_null(other, False))
    return is_wanted
