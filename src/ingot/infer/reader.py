"""What a certificate asks of a program that opens an exported model.

A reader sees the export as its users will: it opens the files that were written, with the program they were written
for, and tokenises with what that program found in them. It is built as `Reader(folder, Config(threads=2))`; its file
names the `PACKAGE` it needs, and the `EXTRA` that installs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ingot.core.errors import MissingExtraError
from ingot.core.plugins import installed_version, load

LONGEST = 2048  # tokens that a reader is ever given or asked for at once


class Reader(Protocol):
    """A program of others, with one export open."""

    program: str  # its name and version

    def log_probabilities(self, ids: Sequence[int], asked_TA: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what it gives the asked tokens at each place, [T, A].

        Row t is about the token after `ids[: t + 1]`, so T is one less than the ids. The first column asked must be the
        token that does follow; of the others, those that it cannot say are NaN.
        """

    def greedy(self, prompt: Sequence[int], count: int) -> list[int]:
        """Return the `count` most probable next tokens, one after another; fewer when the model ends the text."""

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids it gives each text, nothing put before or behind."""

    def close(self) -> None:
        """Free what it holds."""


def require(name: str) -> None:
    """Raise MissingExtraError when the program a reader asks is not installed."""
    plugin = load("reader", name)
    package = plugin.other("PACKAGE")
    if package and not installed_version(package):
        raise MissingExtraError(f"the package {package}, which certifies such an export,", plugin.other("EXTRA"))


def open_reader(name: str, folder: Path, threads: int = 0) -> Reader:
    """Open an export. Raises MissingExtraError when the program is not installed, InputError when it cannot open it."""
    require(name)
    plugin = load("reader", name)
    reader: Reader = plugin.entry(folder, plugin.config_type(threads=threads))
    return reader
