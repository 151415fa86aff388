"""How a benchmark tells its figures: a file with the machine's name, and one line of JSON at the end.

A figure is a number, its unit, the goal as a sentence of a few characters, and whether the goal holds here; None where
this run cannot tell, or where there is none. The file keeps the details a reader needs to doubt the number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingot import __version__
from ingot.core.hardware import Machine, machine
from ingot.core.storage import write_atomically

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One number of a benchmark."""

    name: str
    value: float | None
    unit: str
    goal: str
    holds: bool | None


def publish(subject: str, figures: Iterable[Figure], details: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Write `<subject>-<machine>.json`, print the figures as the last line, and return the file's path.

    A run whose details say `is_quick` is kept apart, in `quick/`, so that it never replaces a whole one.
    """
    here = machine()
    told = [{**asdict(figure), "value": _rounded(figure.value)} for figure in figures]
    record = {
        "subject": subject,
        "figures": told,
        "machine": asdict(here),
        "ingot": __version__,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "details": dict(details),
    }
    folder = folder / "quick" if details.get("is_quick") else folder
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{subject}-{machine_name(here)}.json"
    write_atomically(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(told, ensure_ascii=False), flush=True)
    return path


def machine_name(here: Machine) -> str:
    """Return a file-name form of the processor and its cores, such as `amd-epyc-2-cores`."""
    processor = re.sub(r"[^a-z0-9]+", "-", here.processor.lower()).strip("-")
    return f"{processor or 'unknown'}-{here.cores}-cores"


def _rounded(value: float | None) -> float | None:
    """Keep four significant digits: no measurement here is better than that."""
    return None if value is None else float(f"{value:.4g}")
