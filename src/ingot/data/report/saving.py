"""Writing a report to a file of the user's: nothing that is not such a report is ever written over."""

from __future__ import annotations

from pathlib import Path

from ingot.core.errors import UsageError
from ingot.core.storage import write_atomically
from ingot.data.report.page import MARK

_HEAD_BYTES = 2000
_ELSEWHERE = "name another file: --out FILE"


def check_place(path: Path) -> None:
    """Raise UsageError when a report cannot be written there, or would take the place of something else."""
    if path.is_dir():
        raise UsageError("the report cannot be written", where=str(path), why="it is a folder", fix=_ELSEWHERE)
    if not path.parent.is_dir():
        raise UsageError(
            "the report cannot be written",
            where=str(path),
            why=f"there is no folder {path.parent}",
            fix=f"make the folder, or {_ELSEWHERE}",
        )
    if path.exists() and not _is_report(path):
        raise UsageError(
            "the report is not written over another file",
            where=str(path),
            why="what is there is not a report on a dataset",
            fix=f"move it away, or {_ELSEWHERE}",
        )


def save(path: Path, page: str) -> None:
    """Write a report, over an older one if there is one. Raises UsageError where :func:`check_place` does."""
    check_place(path)
    try:
        write_atomically(path, page)
    except PermissionError as error:
        why = error.strerror or str(error)
        raise UsageError("the report cannot be written", where=str(path), why=why, fix=_ELSEWHERE) from error


def _is_report(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return f'<meta name="generator" content="{MARK}">'.encode() in file.read(_HEAD_BYTES)
