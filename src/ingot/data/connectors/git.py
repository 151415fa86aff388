"""Files of local Git repositories as they are at a commit, each with the commit that last changed it and its author.

Repositories are read by dulwich inside the sandbox: it parses objects in Python and starts no program, so no hook,
filter, pager, alias or transport that an untrusted repository's config may name can run, and it does not matter who
owns the folder (what Git's safe.directory guards against). The price is speed, which the second snapshot does not pay:
it reads the trees and then only the blobs that are new.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ingot.core.confinement import Limits
from ingot.core.errors import InputError, MissingExtraError
from ingot.core.sandbox import Sandbox
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.containers import Entry, heard, refused, take, unchanged, with_body
from ingot.data.local_files import LEFT_BEHIND
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot, SourceItem

if TYPE_CHECKING:
    from dulwich.objects import Commit, ObjectID
    from dulwich.repo import Repo

_FILES = (0o100644, 0o100755, 0o100664)
_WHAT = {0o120000: "a symbolic link", 0o160000: "a submodule: give its repository a place of its own"}
_LARGE_FILE = b"version https://git-lfs.github.com/spec/"
# A long history is silent while it is walked; a repository has more packs than a document has files.
_LIMITS = Limits(memory_bytes=4 << 30, timeout_seconds=1800.0, open_files=4096)


@dataclass(frozen=True)
class Config:
    """Which repositories to read (folders with or without a working copy), and which `revision` of each.

    With `history` the version of a file is the commit that last changed it, otherwise the commit it was first read at.
    `include` and `exclude` are patterns: of whole paths, and of any part of a path.
    """

    paths: tuple[str, ...]
    revision: str = "HEAD"
    history: bool = True
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = LEFT_BEHIND
    rights: Rights = field(default_factory=Rights)


class Connector:
    """Reads the repositories of `config.paths`. `cache` holds copies of their files and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        _library()
        self._config = config
        self._places = [os.path.abspath(os.path.expanduser(path)) for path in config.paths]
        self._state = SourceState(cache, "git", [self._places, config.revision])
        choosing = json.dumps([config.history, config.include, config.exclude])
        self._choosing = hashlib.sha256(choosing.encode()).hexdigest()[:16]

    def snapshot(self) -> Snapshot:
        """List every file of the commits; blobs that were read before are not read again."""
        items: list[SourceItem] = []
        skipped: dict[str, str] = {}
        with self._state as state:
            for place in self._places:
                prefix = f"{Path(place).name.removesuffix('.git')}/" if len(self._places) > 1 else ""
                found, refusals = self._read(state, place, prefix)
                items += found
                skipped |= refusals
            return state.finish(items, skipped.items(), self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the copy of a file."""
        return open_copy(item)

    def _read(self, state: SourceState, place: str, prefix: str) -> tuple[list[SourceItem], dict[str, str]]:
        folder = _git_folder(place)
        before, _, refusals = state.stamp(place).partition("\n")
        kept = state.items_of(place)
        known = {item.uri: item.meta.get("blob", "") for item in kept if state.known(item.uri, place)}
        is_whole = len(known) == len(kept) and before.startswith(self._choosing)
        task = {
            **{"path": place, "prefix": prefix, "revision": self._config.revision, "history": self._config.history},
            **{"include": self._config.include, "exclude": self._config.exclude, "known": known},
            "head": before.removeprefix(self._choosing) if is_whole else "",
        }
        with Sandbox(f"{__name__}:{files.__name__}", workers=1, limits=_LIMITS, readable=[str(folder)]) as sandbox:
            entries = heard(sandbox.map([task]), place)
            first = next(entries, Entry(place))
            if first.reason:
                raise InputError("the repository cannot be read", where=place, why=first.reason, fix=_FIX)
            if first.is_known:
                return kept, json.loads(refusals)
            items, refused_now = take(state, place, entries)
        if place in refused_now:
            raise InputError("the repository cannot be read", where=place, why=refused_now[place], fix=_FIX)
        state.remember_part(place, f"{self._choosing}{first.notes['head']}\n{json.dumps(refused_now)}", items)
        return items, refused_now


_FIX = "check path and revision with `git -C PATH log -1 REVISION`"


def files(task: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the commit that is read, then its files as items; runs in the sandbox."""
    with _opened(task["path"]) as repository:
        commit = _commit(repository, task["revision"])
        head = commit.id.decode()
        if head == task["head"]:
            yield unchanged("")
            return
        yield {"uri": "", "notes": {"head": head}}
        wanted: dict[bytes, ObjectID] = {}
        for path, mode, blob in repository.object_store.iter_tree_contents(commit.tree):
            assert path is not None
            uri = task["prefix"] + path.decode("utf-8", errors="backslashreplace")
            if not _is_chosen(uri.removeprefix(task["prefix"]), task["include"], task["exclude"]):
                continue
            if mode not in _FILES or blob is None:
                yield refused(uri, _WHAT.get(mode or 0, "not a file"))
            elif task["known"].get(uri) == blob.decode():
                yield unchanged(uri)
            else:
                wanted[path] = blob
        changes = _last_changes(repository, commit, set(wanted)) if task["history"] else {}
        for path, blob in wanted.items():
            uri = task["prefix"] + path.decode("utf-8", errors="backslashreplace")
            yield from _file(repository, uri, blob, changes.get(path, commit))


def _file(repository: Repo, uri: str, blob: ObjectID, change: Commit) -> Iterator[dict[str, Any]]:
    try:
        _, content = repository.object_store.get_raw(blob)
    except KeyError:
        yield refused(uri, "its content is not in the repository (a partial clone)")
        return
    if content.startswith(_LARGE_FILE):
        yield refused(uri, "its content lies outside the repository (Git LFS)")
        return
    meta = {"blob": blob.decode(), "author": _name(change.author)}
    yield from with_body(uri, [content], float(change.commit_time), version=change.id.decode(), meta=meta)


def _last_changes(repository: Repo, commit: Commit, paths: set[bytes]) -> dict[bytes, Commit]:
    """Return the commit that last changed each path, newest first until all are found."""
    found: dict[bytes, Commit] = {}
    missing = set(paths)
    for entry in repository.get_walker(include=[commit.id]):
        if not missing:
            break
        for change in _flat(entry.changes()):
            path = change.new.path if change.new is not None else None
            if path in missing:
                found[path] = entry.commit
                missing.discard(path)
    return found


def _flat(changes: Sequence[Any]) -> Iterator[Any]:
    """Yield the changes of a commit; those of a merge come as a list per path, with holes."""
    for change in changes:
        if isinstance(change, list):
            yield from (each for each in change if each is not None)
        else:
            yield change


def _opened(path: str) -> Repo:
    from dulwich.errors import NotGitRepository
    from dulwich.repo import Repo

    try:
        return Repo(path)
    except NotGitRepository:
        raise InputError("it is not a Git repository", where=path, fix="give the folder that holds .git") from None


def _commit(repository: Repo, revision: str) -> Commit:
    from dulwich.objectspec import parse_commit

    try:
        return parse_commit(repository, revision.encode())
    except (KeyError, ValueError) as error:
        raise InputError(f"there is no commit {revision!r}", why=str(error), fix="name a branch or commit") from None


def _is_chosen(path: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    if not any(fnmatch.fnmatchcase(path, pattern) for pattern in include):
        return False
    return not any(fnmatch.fnmatchcase(part, pattern) for part in path.split("/") for pattern in exclude)


def _git_folder(place: str) -> Path:
    """Return the folder that may be read. Raises InputError when there is none, or when it only points elsewhere."""
    path = Path(place)
    inner = path / ".git"
    if inner.is_file():
        fix = "give the repository itself, with revision: the branch of this working copy"
        raise InputError("this is a linked working copy or a submodule", where=place, fix=fix)
    for folder in (inner, path):
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            return folder.resolve()
    raise InputError(f"{place!r} is not a Git repository", where=place, fix="give the folder that holds .git")


def _name(author: bytes) -> str:
    return author.decode("utf-8", errors="replace").partition("<")[0].strip()


def _library() -> None:
    try:
        import dulwich.repo  # noqa: F401 - is it installed?
    except ModuleNotFoundError:
        raise MissingExtraError("the connector for Git", "git") from None
