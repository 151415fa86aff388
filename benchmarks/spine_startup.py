"""How long `ingot` takes to answer: --help, and importing the package, beside the bare interpreter.

Each side is started as a fresh process, the sides in turn; the best of the rounds counts, because everything that
disturbs a start only makes it slower. Wall time on purpose: it is what a person waits.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.report import Figure, publish

HELP_GOAL_SECONDS = 0.3
IMPORT_GOAL_SECONDS = 0.1
SIDES = {
    "interpreter": [sys.executable, "-c", "pass"],
    "import ingot": [sys.executable, "-c", "import ingot"],
    "ingot --help": [str(Path(sys.executable).with_name("ingot")), "--help"],
}


def seconds(command: list[str]) -> float:
    """Return the wall seconds one process takes."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def loaded_modules(statement: str) -> set[str]:
    """Return the modules a fresh interpreter holds after a statement."""
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="5 rounds instead of 20")
    is_quick = arguments.parse_args().quick
    rounds = 5 if is_quick else 20
    seen: dict[str, list[float]] = {name: [] for name in SIDES}
    for _ in range(rounds):
        for name, command in SIDES.items():
            seen[name].append(seconds(command))
    best = {name: min(values) for name, values in seen.items()}
    extra = best["import ingot"] - best["interpreter"]
    has_torch = "torch" in loaded_modules("import ingot")
    publish(
        "spine_startup",
        [
            Figure("ingot --help", best["ingot --help"], "s", "<= 0.3", best["ingot --help"] <= HELP_GOAL_SECONDS),
            Figure("bare interpreter", best["interpreter"], "s", "beside it", None),
            Figure("import ingot, beyond the interpreter", extra, "s", "<= 0.1", extra <= IMPORT_GOAL_SECONDS),
            Figure("import ingot loads torch", float(has_torch), "0 or 1", "0", not has_torch),
        ],
        {"is_quick": is_quick, "rounds": rounds, "seconds": seen},
    )


if __name__ == "__main__":
    main()
