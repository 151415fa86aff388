"""Real texts to measure on, where somebody has put them: questions on health, contracts, German laws.

They are public sets that are not ours to ship, gzipped JSON Lines in a folder each (`medquad`, `contracts`,
`gesetze_de`), looked for beside the checkout. Without them the sources of this interpreter's standard library serve,
and figures that are defined on the real sets say that they were not measured.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from pathlib import Path
from typing import Any

from benchmarks.corpus import LEFT_OUT, standard_library

BESIDE = Path(__file__).parents[2] / "shared" / "data"
SETS = {"medquad": "medquad.jsonl.gz", "contracts": "contracts.jsonl.gz", "gesetze_de": "gesetze.jsonl.gz"}
STANDARD_LIBRARY = "standard library"


def add_option(parser: argparse.ArgumentParser) -> None:
    """Let the folder of the sets be named."""
    parser.add_argument("--data", type=Path, default=BESIDE, help="folder with medquad, contracts and gesetze_de")


def load(folder: Path) -> dict[str, list[str]]:
    """Return the texts of every set, shuffled the same way every time; of the standard library when there are none."""
    found = {name: folder / name / file for name, file in SETS.items() if (folder / name / file).is_file()}
    sets = {name: [_text(json.loads(line)) for line in lines(path)] for name, path in found.items()}
    if not sets:
        sources = sorted(path for path in standard_library().rglob("*.py") if not set(path.parts) & set(LEFT_OUT))
        sets = {STANDARD_LIBRARY: [path.read_text(encoding="utf-8", errors="replace") for path in sources]}
    for texts in sets.values():
        random.Random(1).shuffle(texts)
    return sets


def lines(path: Path) -> list[bytes]:
    """Return the lines of a gzipped file."""
    with gzip.open(path) as file:
        return file.readlines()


def are_real(sets: dict[str, list[str]]) -> bool:
    """Say whether all real sets are there."""
    return set(sets) == set(SETS)


def _text(record: dict[str, Any]) -> str:
    return record["text"] if "text" in record else f"{record['question']}\n\n{record['answer']}"
