"""From a clone to talking with one's own model: how long, how much memory; and the same build once more.

The full run clones this checkout into an empty folder and runs `make demo` there (a fresh environment, nothing
installed), sampling the memory of all its processes; then it repeats the demo's build. `--quick` uses the environment
it runs in: a small build, then the same again. Wall time on purpose: it is what a person waits.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from benchmarks.corpus import small_part
from benchmarks.report import Figure, publish

INGOT = str(Path(sys.executable).with_name("ingot"))
GIB = 1 << 30
SMALL = ["--width", "64", "--layers", "2", "--vocabulary", "512", "--steps", "50"]


class Watch:
    """The most memory a process and all below it held at once; pages they share are counted once."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.peak_bytes = 0
        self._process = process
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def join(self) -> int:
        """Wait for the process's end and return the peak."""
        self._thread.join()
        return self.peak_bytes

    def _sample(self) -> None:
        while self._process.poll() is None:
            self.peak_bytes = max(self.peak_bytes, tree_bytes(self._process.pid))
            time.sleep(0.5)


def tree_bytes(pid: int) -> int:
    """Return the proportional set size of a process and all below it."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
    except psutil.NoSuchProcess:
        return total
    return total


def timed(command: list[str], folder: Path) -> tuple[float, int]:
    """Run a command, its output in a log; return its seconds and its peak memory."""
    log = folder / "log.txt"
    started = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        peak = Watch(process).join()
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{log.read_text(errors='replace')[-3000:]}")
    return time.monotonic() - started, peak


def clone_to_talking(folder: Path) -> tuple[float, int, float]:
    """Clone, `make demo`, then its build once more."""
    checkout = Path(__file__).resolve().parent.parent
    subprocess.run(["git", "clone", "--quiet", str(checkout), str(folder / "ingot")], check=True)
    first, peak = timed(["make", "demo"], folder / "ingot")
    log = (folder / "ingot" / "log.txt").read_text()
    build = re.search(r"^\$ (ingot build .*)$", log, re.MULTILINE)
    assert build is not None, "the demo no longer prints its build command"
    again = ["bash", "-c", f'PATH="$PWD/.venv/bin:$PATH" {build[1]}']
    return first, peak, timed(again, folder / "ingot")[0]


def small_build(folder: Path) -> tuple[int, float]:
    """Build a small model, then again; return the peak of the first and the seconds of the second."""
    command = [INGOT, "build", *small_part(), "--name", "small", "--home", str(folder / "home"), *SMALL]
    _, peak = timed(command, folder)
    return peak, min(timed(command, folder)[0] for _ in range(3))


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="only a small build and its repetition")
    is_quick = arguments.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        if is_quick:
            peak, second = small_build(Path(folder))
            minutes = None
        else:
            first, peak, second = clone_to_talking(Path(folder))
            minutes = first / 60
    figures = [
        Figure("clone to talking", minutes, "min", "<= 10", None if minutes is None else minutes <= 10),
        Figure("memory at most", peak / GIB, "GiB", "<= 6", None if is_quick else peak <= 6 * GIB),
        Figure("second identical build", second, "s", "<= 5", second <= 5),
    ]
    publish("spine_build", figures, {"is_quick": is_quick})


if __name__ == "__main__":
    main()
