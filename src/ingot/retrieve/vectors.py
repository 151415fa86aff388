"""Passages as vectors of a model of one's own, and questions held against them by cosine.

Every passage is compared, which is exact and needs no structure: a million passages of 256 numbers are half a gigabyte,
mapped, and take some tenths of a second. Beyond about a million an approximate search would be the better way; there is
none here.

    vectors.bin   the vector of each passage, of length one, float16
    embedder/     the files of the model, linked, so that an index can be searched for as long as it is there
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ingot.core.storage import link_tree
from ingot.flow.artifact import RECORD_FILE
from ingot.flow.step import StepContext
from ingot.infer.engine import REFERENCE_ENGINE, Engine, build
from ingot.retrieve.store import Stored

VECTORS_FILE, EMBEDDER_FOLDER = "vectors.bin", "embedder"
_AT_ONCE = 64  # texts embedded between two words of progress
_COMPARED_AT_ONCE = 1 << 16

Floats = npt.NDArray[np.float32]


class Vectors:
    """The vectors of an index, and the model that makes one of a question; opened with the first question."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._engine: Engine | None = None

    def scores(self, query: str) -> Floats:
        """Return the cosine of a question and each passage, [N]."""
        if self._engine is None:
            self._engine = build(REFERENCE_ENGINE, self._folder / EMBEDDER_FOLDER)
        vector_D = embedded(self._engine, [query])[0]
        known_ND = np.memmap(self._folder / VECTORS_FILE, "<f2", "r").reshape(-1, len(vector_D))
        rows = range(0, len(known_ND), _COMPARED_AT_ONCE)
        parts = [known_ND[first : first + _COMPARED_AT_ONCE].astype(np.float32) @ vector_D for first in rows]
        return np.concatenate(parts)

    def close(self) -> None:
        """Free the model."""
        if self._engine is not None:
            self._engine.close()


def write(stored: Stored, embedder: Path, context: StepContext) -> int:
    """Write the vectors of all passages, and the model beside them; return how many numbers a vector has.

    Raises InputError for a model that makes none.
    """
    folder = stored.folder / EMBEDDER_FOLDER
    link_tree(embedder, folder)
    (folder / RECORD_FILE).unlink(missing_ok=True)
    engine = build(REFERENCE_ENGINE, folder, threads=context.cores)
    count, width = len(stored.spans), 0
    try:
        with (stored.folder / VECTORS_FILE).open("wb") as file:
            for first in range(0, count, _AT_ONCE):
                some = range(first, min(first + _AT_ONCE, count))
                vectors_ND = embedded(engine, [stored.text(number) for number in some])
                vectors_ND.astype("<f2").tofile(file)
                width = vectors_ND.shape[1]
                context.emit("progress", done=some.stop, total=count, unit="passages")
    finally:
        engine.close()
    return width


def embedded(engine: Engine, texts: Sequence[str]) -> Floats:
    """Return one vector of length one for each text, [N, D]; of a text that is too long, its beginning is read."""
    codec = engine.codec
    room = engine.context - 3  # two marks, and the place that an engine keeps for an answer
    return engine.embed([[codec.bos, *codec.encode(text)[:room], codec.eos] for text in texts])
