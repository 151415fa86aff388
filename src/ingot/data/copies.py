"""Copies of documents that lie outside of artifacts: what was fetched for a source, and what an unfinished step made.

Erasure has to reach them too. A copy of a source is taken out by itself. Of an unfinished step everything is removed,
because its pieces fit together only as long as none of their documents is gone; the step is then done from its start.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
from filelock import Timeout

from ingot.core.errors import BusyError
from ingot.core.storage import remove_torn, remove_tree
from ingot.data.connector_state import SourceState, states_of
from ingot.data.lookup import holds
from ingot.flow.home import Home

_WORK = re.compile(r"\.?(.+?)\.[0-9a-f]{32}(\..*)?")
_MEMBER = "!/"


def require_quiet(home: Home) -> None:
    """Raise BusyError while a build is at work on documents: what it has read could not be taken from it."""
    for name, folder in _unfinished(home):
        if not any(folder.rglob("*.parquet")):
            continue
        try:
            with home.lock(name).acquire(timeout=0):
                pass
        except Timeout:
            raise BusyError(
                f"a build is making {name!r}, and may have read the document",
                where=home.holder(name),
                why="what it makes would hold the document again",
                fix="wait until it has ended, or stop it; then run the same command again",
            ) from None


def remove_unfinished(home: Home, doc_ids: Collection[str]) -> None:
    """Remove the work of unfinished steps that holds one of these documents."""
    for name, folder in _unfinished(home):
        with contextlib.suppress(Timeout), home.lock(name).acquire(timeout=0):
            remove_torn(folder)
            if any(has_documents(path) and holds(path, doc_ids) for path in folder.rglob("*.parquet")):
                remove_tree(folder)


def remove_fetched(home: Home, uris: Iterable[str]) -> None:
    """Remove the copies of the items these documents were read from; the next snapshot fetches them again."""
    files = {uri.partition(_MEMBER)[0] for uri in uris}

    def is_meant(uri: str) -> bool:
        # The name of the source may stand before that of the item.
        return any(file == uri or file.endswith(f"/{uri}") for file in files)

    for folder in states_of(home.cache_path):
        with SourceState.at(folder) as state:
            state.forget(is_meant)


def has_documents(path: Path) -> bool:
    """Say whether a table has rows by document."""
    return "doc_id" in pq.read_schema(path).names


def _unfinished(home: Home) -> Iterator[tuple[str, Path]]:
    """Yield the name of the artifact and the folder of every step that is not finished."""
    folders = sorted(home.work_path.iterdir()) if home.work_path.is_dir() else []
    for folder in folders:
        if (match := _WORK.fullmatch(folder.name)) and folder.is_dir():
            yield match[1], folder
