"""By how much the better answer of a pair is better, where a file of preferences says so: kept beside the shards.

A pair is known again by the ids of its two conversations, wherever they stand in the rows and in whichever order those
are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically

FILE = "score_differences.json"
KEY_BYTES = 16


def pair_key(chosen: npt.ArrayLike, rejected: npt.ArrayLike) -> bytes:
    """Return what a pair is known by: a hash of both conversations' ids, with their two marks."""
    both = b"".join(np.asarray(ids).astype("<i8").tobytes() for ids in (chosen, rejected))
    return blake2b(both, digest_size=KEY_BYTES).digest()


def write_differences(differences: Mapping[bytes, float], folder: Path) -> None:
    """Write the differences beside shards; nothing where no pair has scores."""
    if differences:
        told = {key.hex(): difference for key, difference in differences.items()}
        write_atomically(folder / FILE, json.dumps(told, indent=0) + "\n")


def read_differences(folder: Path) -> dict[bytes, float]:
    """Read them back. Raises InputError when the file was damaged."""
    path = folder / FILE
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {bytes.fromhex(key): float(difference) for key, difference in told.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(
            "the scores of the pairs cannot be read",
            where=str(path),
            why=str(error),
            fix="make the shards anew (step ingot.data.preferences:tokenize)",
        ) from error
