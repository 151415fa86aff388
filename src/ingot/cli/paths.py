"""What a build is asked to read: no path without a name, and no document twice.

Somebody who names a folder twice, in two spellings or together with a part of it, means its documents once: read twice
they would weigh double.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Sequence
from pathlib import Path

from ingot.core.errors import UsageError


def read_once(paths: Sequence[str], exclude: Sequence[str]) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """Return the paths to read, and for some of them the other paths that they include.

    A part of a folder that `exclude` keeps the folder from reading is still read. Raises UsageError for an empty path.
    """
    if not all(path.strip() for path in paths):
        raise UsageError("a path is empty", where="PATH", fix="name a folder or file; `.` is the folder you are in")
    places = [Path(os.path.realpath(os.path.expanduser(path))) for path in paths]
    kept: list[int] = []
    included: dict[str, list[str]] = {}
    for number in sorted(range(len(paths)), key=lambda number: len(places[number].parts)):
        owner = next((one for one in kept if _includes(places[one], places[number], exclude)), None)
        if owner is None:
            kept.append(number)
        else:
            included.setdefault(paths[owner], []).append(paths[number])
    return tuple(paths[number] for number in sorted(kept)), included


def _includes(folder: Path, place: Path, exclude: Sequence[str]) -> bool:
    if not place.exists() or not place.is_relative_to(folder):
        return False
    inside = place.relative_to(folder).parts  # none where both are the same place
    return not any(fnmatch.fnmatchcase(name, pattern) for name in inside for pattern in exclude)
