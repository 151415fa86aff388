"""Erase one document from everything that holds its text: its shards are written anew without it.

Only the shards that hold the document are touched. What stays is a tombstone without content: the id, the day, and the
reason that was given. It is written first, so an erasure that is interrupted can be taken up again, and done twice it
changes nothing. An index for searching holds the text in many forms: it is removed, and made again by one command.
Models that were trained on the document keep what they learned from it: they are named, to be trained again, or
withdrawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingot.core.errors import InputError
from ingot.core.storage import remove_tree, write_atomically
from ingot.core.tables import SHARDS_FOLDER, read_batches
from ingot.data import lookup
from ingot.data.copies import has_documents, remove_fetched, remove_unfinished, require_quiet
from ingot.data.pipeline import MANIFEST_FILE, manifest
from ingot.data.rows import TableWriter
from ingot.data.shard import DESCRIPTION, DOCUMENTS, Shard, ShardWriter
from ingot.data.tombstones import Tombstone, tombstones, write_tombstones
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.lineage import descendants

_REPEATED = "duplicate_of"
INDEXED = "indexed.parquet"  # the table of what an index finds; no other artifact has one
HOLDS_TEXT = ("Documents", "Dataset", "Shards")
# A plan takes no more from documents than how many bytes they have.
_LEARNED_NOTHING = (*HOLDS_TEXT, "Plan")


@dataclass(frozen=True)
class Erased:
    """What an erasure did: documents, shards written anew by artifact, and artifacts made from what is gone.

    `repeats` are the URIs of other documents with the same text, or nearly the same: they were left.
    """

    doc_ids: Sequence[str]
    rewritten: dict[str, Sequence[str]]
    learned_from_it: Sequence[str]
    repeats: Sequence[str]


def erase(home: Home, wanted: str, day: str, reason: str) -> Erased:
    """Erase the documents with this id, parent id or URI from every artifact of the home, and all copies of them.

    Raises InputError when no artifact holds such a document or a tombstone of it, BusyError while a build reads.
    """
    everything = list(home.all())
    doc_ids = sorted(set().union(*(_ids(artifact, wanted) for artifact in everything)))
    if not doc_ids:
        raise InputError(
            f"no artifact here holds a document {wanted!r}",
            where=str(home.path),
            fix=lookup.nearest(_all_tables(home), wanted) or "give its id, its URI or the end of it",
        )
    require_quiet(home)
    repeats = _repeats(_all_tables(home), doc_ids)
    # First, because only the tables know the names by which copies are found: an erasure may be interrupted.
    remove_unfinished(home, doc_ids)
    remove_fetched(home, _uris(_all_tables(home), doc_ids))
    stones = [Tombstone(doc_id, day, reason) for doc_id in doc_ids]
    rewritten: dict[str, Sequence[str]] = {}
    touched = []
    for artifact in everything:
        with home.lock(artifact.name):
            shards = _erase_from(home, artifact, stones)
        if shards is not None:
            touched.append(artifact)
            rewritten[artifact.reference] = shards
    return Erased(doc_ids, rewritten, _made_from(home, touched), repeats)


def whole_name(home: Home, wanted: str) -> str:
    """Return the URI of the only document in a home that ends so, else what was asked for.

    Raises InputError when several end so.
    """
    return lookup.whole_name(_all_tables(home), wanted)


def _all_tables(home: Home) -> list[Path]:
    return [path for artifact in home.all() for path in _tables(artifact.path)]


def _ids(artifact: Artifact, wanted: str) -> set[str]:
    """Return the ids an artifact's tables and tombstones know the document by."""
    found = {stone.doc_id for stone in tombstones(artifact.path) if stone.doc_id == wanted}
    for each in lookup.look_up(_tables(artifact.path), wanted):
        found.update(each.table(["doc_id"])["doc_id"].to_pylist())
    return found


def _erase_from(home: Home, artifact: Artifact, stones: Sequence[Tombstone]) -> list[str] | None:
    """Erase documents from one artifact; return the shards written anew, or None when it never held them."""
    doc_ids = {stone.doc_id for stone in stones}
    if (indexed := artifact.path / INDEXED).exists():
        if not lookup.holds(indexed, doc_ids):
            return None
        remove_tree(artifact.path)
        return []
    _recover(artifact.path)
    tables = [path for path in _tables(artifact.path) if lookup.holds(path, doc_ids)]
    described = artifact.path.glob(f"*/*/{DESCRIPTION}")
    folders = [path.parent for path in described if lookup.holds(path.parent / DOCUMENTS, doc_ids)]
    known = tombstones(artifact.path)
    is_known = doc_ids & {stone.doc_id for stone in known}
    if not (tables or folders or is_known):
        return None
    new = [stone for stone in stones if stone.doc_id not in is_known]
    write_tombstones(artifact.path, [*known, *new])
    for path in tables:
        _rewrite_table(path, doc_ids)
    for folder in folders:
        _rewrite_tokens(folder, doc_ids)
    if (artifact.path / MANIFEST_FILE).exists():
        write_atomically(artifact.path / MANIFEST_FILE, json.dumps(manifest(artifact.path), indent=1) + "\n")
    home.amend(artifact)
    return sorted({path.parent.name for path in tables} | {folder.name for folder in folders})


def _tables(folder: Path) -> list[Path]:
    """Return the tables of documents of an artifact, of whatever kind its recipe says that it is."""
    tables = [*(folder / SHARDS_FOLDER).glob("*/*.parquet"), *folder.glob(INDEXED)]
    return sorted(path for path in tables if has_documents(path))


def _uris(tables: Sequence[Path], doc_ids: Sequence[str]) -> set[str]:
    """Return what the documents are called in the tables that hold them."""
    wanted = pa.array(doc_ids)
    found: set[str] = set()
    for batch in read_batches(tables, ("doc_id", "uri")):
        found.update(batch.column("uri").filter(pc.is_in(batch.column("doc_id"), wanted)).to_pylist())
    return found


def _repeats(tables: Sequence[Path], doc_ids: Sequence[str]) -> list[str]:
    """Return what other documents are called that repeat one of these, are repeated by it, or repeat the same one."""
    judged = [path for path in tables if _REPEATED in pq.read_schema(path).names]
    erased, family = pa.array(doc_ids), set(doc_ids)
    for batch in read_batches(judged, ("doc_id", _REPEATED)):
        originals = batch.column(_REPEATED).filter(pc.is_in(batch.column("doc_id"), erased))
        family.update(originals.drop_null().to_pylist())
    related, found = pa.array(sorted(family)), set()
    for batch in read_batches(judged, ("doc_id", "uri", _REPEATED)):
        is_related = pc.or_(pc.is_in(batch.column("doc_id"), related), pc.is_in(batch.column(_REPEATED), related))
        is_left = pc.and_(is_related, pc.invert(pc.is_in(batch.column("doc_id"), erased)))
        found.update(batch.column("uri").filter(is_left).to_pylist())
    return sorted(found)


def _rewrite_table(path: Path, doc_ids: Iterable[str]) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    unwanted = pa.array(sorted(doc_ids))
    with TableWriter(temporary, pq.read_schema(path)) as writer:
        for batch in read_batches(path):
            table = pa.Table.from_batches([batch])
            writer.write(table.filter(pc.invert(pc.is_in(table["doc_id"], unwanted))))
    temporary.replace(path)


def _rewrite_tokens(folder: Path, doc_ids: Iterable[str]) -> None:
    shard = Shard(folder)
    unwanted = frozenset(doc_ids)
    beside = folder.with_name(f".{folder.name}.erased")
    remove_tree(beside)
    beside.mkdir()
    sizes = pq.read_table(folder / DOCUMENTS, columns=["bytes"])["bytes"].to_pylist()
    ids = shard.doc_ids(0, shard.document_count)
    vocabulary = int(shard.tokens.max()) + 1 if shard.token_count else 0
    with ShardWriter(beside, shard.dtype.name, vocabulary) as writer:
        for doc_id, size, tokens in zip(ids, sizes, shard.in_documents(), strict=True):
            if doc_id not in unwanted:
                writer.append(doc_id, size, [tokens])
    writer.finish()
    shard.release()
    remove_tree(folder)
    beside.rename(folder)


def _recover(folder: Path) -> None:
    """Finish what an interrupted erasure left between removing a shard and naming the new one."""
    for beside in folder.glob("*/.*.erased"):
        name = beside.with_name(beside.name.removeprefix(".").removesuffix(".erased"))
        if not name.exists() and (beside / DESCRIPTION).exists():
            beside.rename(name)


def _made_from(home: Home, artifacts: Sequence[Artifact]) -> list[str]:
    everything = list(home.all())
    found = {other.reference: other.kind for artifact in artifacts for other in descendants(artifact, everything)}
    return sorted(reference for reference, kind in found.items() if kind not in _LEARNED_NOTHING)
