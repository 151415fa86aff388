"""Results that are read while they are being written.

While one step writes shards, another can train on the first of them. The step that writes says `readable` when a reader
may begin; the runner then makes each step that reads it early beside it. The reader finds its input through a link in
its scratch folder: to the unfinished folder first, and to the artifact from the moment that exists. The unfinished
folder stays until then, its files being the artifact's under second names, so no path breaks under a reader.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from pathlib import Path

from ingot.core.storage import remove_tree
from ingot.flow.artifact import Artifact

READABLE = "readable"  # the kind of event by which a step says that a reader may begin


class Writing:
    """A step under way, as those see it who read it early."""

    def __init__(self, expected: Artifact) -> None:
        """`expected` lies in the unfinished folder; its record is the one to come, without facts and files."""
        self.expected = expected
        self.is_read = False  # whether a reader was begun
        self._finished: Future[Artifact] = Future()
        self._links: list[Path] = []
        self._turning = threading.Lock()

    def link(self, place: Path) -> None:
        """Make `place` lead to where the files lie now, and to the artifact once there is one."""
        place.parent.mkdir(parents=True, exist_ok=True)
        with self._turning:
            self._links.append(place)
            place.symlink_to(self._finished.result().path if self._finished.done() else self.expected.path)

    def finish(self, artifact: Artifact) -> None:
        """Turn all readers to the finished artifact, and let them be recorded."""
        with self._turning:
            for place in self._links:
                _turn(place, artifact.path)
            self._finished.set_result(artifact)

    def fail(self) -> None:
        """Tell those who wait that there will be no artifact."""
        self._finished.cancel()

    def wait(self) -> None:
        """Wait until the artifact is there. Raises CancelledError when it will not be."""
        self._finished.result()

    def tidy(self) -> None:
        """Remove the folder readers began in, unless it is still unfinished."""
        if self._finished.done() and not self._finished.cancelled():
            remove_tree(self.expected.path)


def _turn(place: Path, target: Path) -> None:
    """Let a link lead elsewhere, in one rename. A reader that has ended has taken its link with it."""
    if not place.is_symlink():
        return
    new = place.with_name(f"{place.name}.new")
    new.symlink_to(target)
    os.replace(new, place)
