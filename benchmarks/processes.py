"""What the processes of a run take, watched from outside: largest resident memory and processor time (Linux only).

Every process below the watched one is looked at some fifty times a second. The system itself keeps the largest resident
set (VmHWM), so only what a process needs in the last moments of its life can be missed. A process belongs to the step
whose log it writes to, and is one of

    step      the process of the step itself, which also does a piece that is alone
    worker    one of a pool, of this machine or of Ray, doing one piece after another
    sandbox   a confined process that parses for a worker
    ray       what Ray needs beside its workers
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_EVERY_SECONDS = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")
_RAY_WORKER = ("default_worker.py", "ray::IDLE", "ray::perform")
_RAY = ("raylet", "gcs_server", "/ray/", "ray::")
Key = tuple[int, str]  # a process and when it began: numbers are used again


@dataclass
class Process:
    """One process: what it is, its step, its parent, and the most that was seen."""

    role: str
    step: str
    parent: Key | None
    peak_bytes: int = 0
    seconds: float = 0.0


class Watch:
    """Watches what runs below a process, as a context manager; `processes` is what was seen of them."""

    def __init__(self, root: int) -> None:
        self.processes: dict[Key, Process] = {}
        self.root_bytes = 0
        self._root = root
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def peak(self, step: str, role: str) -> int:
        """Return the largest memory of one process of a step."""
        return max((each.peak_bytes for _, each in self._of(step, role)), default=0)

    def worker(self, step: str, cores: int) -> int:
        """Return the most that one who did pieces needed, with the sandboxes it had at a time.

        That is a worker, or the step itself, on all cores, when its one piece was alone.
        """
        is_alone = not self.peak(step, "worker")
        doing = self._of(step, "step" if is_alone else "worker")
        return max((each.peak_bytes + self._sandboxes(key, cores if is_alone else 1) for key, each in doing), default=0)

    def seconds(self, step: str) -> float:
        """Return the processor time of all processes of a step, but for Ray's own."""
        return sum(each.seconds for each in self.processes.values() if each.step == step and each.role != "ray")

    def ray_seconds(self, step: str) -> float:
        """Return the processor time of what Ray needs beside its workers."""
        return sum(each.seconds for _, each in self._of(step, "ray"))

    def steps(self) -> list[str]:
        """Return the steps that ran, in the order they began."""
        return list(dict.fromkeys(each.step for each in self.processes.values() if each.step))

    def _of(self, step: str, role: str) -> Iterator[tuple[Key, Process]]:
        return ((key, each) for key, each in self.processes.items() if (each.step, each.role) == (step, role))

    def _sandboxes(self, parent: Key, count: int) -> int:
        sizes = [each.peak_bytes for each in self.processes.values() if (each.parent, each.role) == (parent, "sandbox")]
        return sum(sorted(sizes)[-count:])

    def look(self) -> None:
        """Look at every process once."""
        with suppress(OSError, StopIteration):
            self.root_bytes = peak_bytes(self._root)
        for process, parent in below(self._root):
            with suppress(OSError, IndexError, StopIteration):  # it has just ended
                self._look(process, parent)

    def _watch(self) -> None:
        while not self._is_over.wait(_EVERY_SECONDS):
            self.look()

    def _look(self, process: int, parent: int) -> None:
        fields = _fields(process)
        key = (process, fields[19])
        words = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        if not words:
            return  # it has ended
        role = role_of(words)
        seen = self.processes.get(key)
        if seen is None or seen.role != role:  # a child is its parent's copy until its own program is loaded
            above = next((other for other in reversed(self.processes) if other[0] == parent), None)
            step = self.processes[above].step if above else ""
            if not step and role == "step":
                step = Path(f"/proc/{process}/fd/1").readlink().stem
            seen = self.processes[key] = Process(role, step, above)
        seen.peak_bytes = peak_bytes(process)
        seen.seconds = (int(fields[11]) + int(fields[12])) / _TICKS


def role_of(words: str) -> str:
    """Say by its command line what a process is; empty for anything else, such as one that has only just begun."""
    if "ingot.flow.worker" in words:
        return "step"
    if "sandbox_child" in words:
        return "sandbox"
    if "spawn_main" in words or any(name in words for name in _RAY_WORKER):
        return "worker"
    return "ray" if any(name in words for name in _RAY) else ""


def peak_bytes(process: int) -> int:
    """Return the largest resident set of a process so far. Raises StopIteration when it has ended."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def below(root: int) -> Iterator[tuple[int, int]]:
    """Yield every process below another, with its parent, parents first."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError):
                children.setdefault(int(_fields(int(entry))[1]), []).append(int(entry))
    waiting = [root]
    while waiting:
        parent = waiting.pop()
        for child in children.get(parent, ()):
            yield child, parent
            waiting.append(child)


def _fields(process: int) -> list[str]:
    """Return what /proc tells of a process after its name: state, parent, ..."""
    text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    return text[text.rindex(")") + 2 :].split()
