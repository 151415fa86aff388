"""Runs of read, curate, tokenizer and shards for measuring: their recipe, their documents, and what they began.

Shards are small here, so that many can be had in minutes: some 290 documents, where reading ends one of its own accord,
and as much text in those of tokens, which usually hold 256 MB. A hook in every interpreter of a run notes each piece
of work that is begun and each that takes its name, so that none is missed however short it is.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ingot.core.storage import sha256_file
from ingot.flow.artifact import RECORD_FILE

INGOT = str(Path(sys.executable).with_name("ingot"))
WORKERS = 2
LINES_IN_DOCUMENT = 12  # about a kilobyte
# What no two runs share.
TOLD_BY_THE_CLOCK = ("started", "finished", "seconds", "joules", "run_id", "energy_method")
HOOK = r"""
import os, re, sys

_PIECE = re.compile(r"/\.\d+\.[0-9a-f]{32}\.tmp$")


def _note(event, arguments):
    if event in ("os.mkdir", "os.rename") and isinstance(arguments[0], (str, os.PathLike)):
        path = os.fspath(arguments[0])
        if isinstance(path, str) and _PIECE.search(path):
            line = f"{'begun' if event == 'os.mkdir' else 'named'}\t{path}\n"
            journal = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(journal, line.encode())
            os.close(journal)


sys.addaudithook(_note)
"""


def recipe(source: Mapping[str, Any], shard_bytes: int = 0, is_read_only: bool = False) -> str:
    """Return the recipe of a source, with shards of tokens of that size, or of the usual one; or just reading it."""

    def step(part: str, run: str, *inputs: str, **more: Any) -> dict[str, Any]:
        named = {"run": run, "kind": part.capitalize(), "artifact": f"x-{part}", **more}
        return {**named, "inputs": {name: name for name in inputs}}

    in_pieces: dict[str, Any] = {"resumable": True}
    config = {"shard_bytes": shard_bytes} if shard_bytes else {}
    steps = {
        "documents": step("documents", "ingot.data.run:read", sources={"documents": dict(source)}, **in_pieces),
        "dataset": step("dataset", "ingot.data.run:curate", "documents", **in_pieces),
        "tokenizer": step("tokenizer", "ingot.tokenizer.run:train", "dataset", config={"vocabulary": 4096}),
        "shards": step("shards", "ingot.data.run:tokenize", "dataset", "tokenizer", config=config, **in_pieces),
    }
    return yaml.safe_dump({"steps": {"documents": steps["documents"]} if is_read_only else steps})


def write_rows(path: Path, count: int, texts: list[str], lines: int = LINES_IN_DOCUMENT) -> dict[str, Any]:
    """Write documents as rows, each an item of its own; return their source."""
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(drawn(count, texts, lines)):
            file.write(json.dumps({"id": f"{number:06}", "text": text}) + "\n")
    return rows_source(path)


def rows_source(path: Path) -> dict[str, Any]:
    """Return the source of a file of rows."""
    return {"connector": "records", "config": {"paths": [str(path)], "id": "id", "text": "text"}}


def write_files(folder: Path, count: int, texts: list[str]) -> dict[str, Any]:
    """Write documents as files; return their source."""
    folder.mkdir()
    for number, text in enumerate(drawn(count, texts)):
        (folder / f"{number:06}.txt").write_text(text, encoding="utf-8")
    return {"connector": "folder", "config": {"paths": [str(folder)]}}


def drawn(count: int, texts: list[str], lines: int = LINES_IN_DOCUMENT) -> Iterator[str]:
    """Yield documents of lines drawn from texts: as many as wanted, and no two of them alike."""
    draw = random.Random(7)
    known = [line for text in texts for line in text.splitlines() if line.strip()]
    for _ in range(count):
        yield "\n".join(draw.choices(known, k=lines))


@dataclass(frozen=True)
class Bench:
    """A recipe and the home it runs in, which stays at its place: requests of pieces hold paths."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def prepare(self, source: Mapping[str, Any], shard_bytes: int, is_read_only: bool = False) -> None:
        """Write the recipe, and the hook every interpreter loads."""
        (self.folder / "recipe.yaml").write_text(recipe(source, shard_bytes, is_read_only), encoding="utf-8")
        hook = f"JOURNAL = {str(self.journal)!r}\n{HOOK}"
        (self.folder / "hook").mkdir(exist_ok=True)
        (self.folder / "hook/sitecustomize.py").write_text(hook, encoding="utf-8")

    def empty(self) -> None:
        """Begin anew."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.journal.unlink(missing_ok=True)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the run in a process group of its own."""
        command = [INGOT, "run", str(self.folder / "recipe.yaml"), "--cores", str(WORKERS), "--json"]
        search = os.pathsep.join(filter(None, [str(self.folder / "hook"), os.environ.get("PYTHONPATH", "")]))
        with (self.folder / "output").open("wb") as output:
            return subprocess.Popen(
                [*command, "--home", str(self.home)],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": search},
            )

    def finish(self, run: subprocess.Popen[bytes]) -> None:
        """Wait for a run; show what it said if it failed."""
        if run.wait():
            said = (self.folder / "output").read_text(encoding="utf-8", errors="replace")
            sys.exit(f"the run failed with {run.returncode}:\n{said[-3000:]}")

    def noted(self) -> tuple[list[str], set[str]]:
        """Return the pieces that were begun, as often as they were, and those that took their names."""
        lines = self.journal.read_text(encoding="utf-8").splitlines() if self.journal.exists() else []
        found: dict[str, list[str]] = {"begun": [], "named": []}
        for line in lines:
            what, _, path = line.partition("\t")
            out, _, name = path.rpartition("/")
            found[what].append(f"{out}/{name.split('.')[1]}")
        return found["begun"], set(found["named"])

    def shards(self) -> dict[str, int]:
        """Return how many shards each step made."""
        made = self.home / "artifacts"
        tokens = len(list(made.glob("x-shards/*/train/*/")))
        return {
            "documents": len(list(made.glob("x-documents/*/shards/*/"))),
            "dataset": len(list(made.glob("x-dataset/*/shards/*/"))),
            "shards": tokens,
        }


def result(home: Path) -> dict[str, object]:
    """Return what must be equal: every file of every artifact, and the records without what the clock told."""
    found: dict[str, object] = {}
    artifacts = home / "artifacts"
    for path in sorted(path for path in artifacts.rglob("*") if path.is_file()):
        name = str(path.relative_to(artifacts))
        if path.name == RECORD_FILE:
            record = json.loads(path.read_text(encoding="utf-8"))
            found[name] = {key: value for key, value in record.items() if key not in TOLD_BY_THE_CLOCK}
        else:
            found[name] = sha256_file(path)
    return found
