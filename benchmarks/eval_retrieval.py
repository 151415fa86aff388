"""How well questions find their documents: words alone, fused with vectors, read again; beside bm25s as it comes.

MedQuAD's questions should find their answers (each answer a document, equal ones once), and XQuAD's their paragraphs,
in English, German, Spanish, Arabic and Chinese. A document counts by its best passage. Recall and nDCG are those of the
first ten. All sides are asked the same slices of questions in turn. Cost is processor seconds on one thread: questions
without the opening of an index; indexing from a dataset on the disk to files (ours), from a list to memory (bm25s).

Vectors and a reader need models: `--embedder` and `--reader` name folders of such, of which nothing is known here. What
a run has no model for is not measured. bm25s runs in an environment of its own:

    python -m venv ~/.cache/ingot-benchmarks/bm25s
    ~/.cache/ingot-benchmarks/bm25s/bin/pip install bm25s==0.3.16

    python benchmarks/eval_retrieval.py [--quick] [--bm25s PYTHON] [--embedder FOLDER] [--reader FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from benchmarks.real_sets import BESIDE, SETS, lines
from benchmarks.report import Figure, publish
from ingot.core.tables import SHARDS_FOLDER, shard_name
from ingot.data.document import SCHEMA, Piece, as_documents
from ingot.evaluate.ranking import ndcg, recall
from ingot.evaluate.reading import query_likelihood
from ingot.flow.source import SourceItem
from ingot.flow.step import StepContext
from ingot.retrieve.config import IndexConfig
from ingot.retrieve.rerank import Reranker
from ingot.retrieve.run import make
from ingot.retrieve.search import Index, open_index

CACHE = Path("~/.cache/ingot-benchmarks").expanduser()
LANGUAGES = ("en", "de", "es", "ar", "zh")
DEPTH, SLICES, EVERY, EVERY_QUICK = 10, 4, 5, 30
Found = list[list[int]]


@dataclass(frozen=True)
class Asked:
    """A set: the texts, the questions, and which text answers each."""

    name: str
    texts: Sequence[str]
    questions: Sequence[str]
    right: Sequence[int]


@dataclass
class Side:
    """What one way of asking found, and what that took in processor seconds."""

    found: Found = field(default_factory=list)
    seconds: float = 0.0
    indexing: float = 0.0


class Peer:
    """bm25s in a process of its own."""

    def __init__(self, python: Path, texts: Sequence[str], scratch: Path) -> None:
        path = scratch / "texts.json"
        path.write_text(json.dumps(texts), encoding="utf-8")
        self._scratch = scratch
        self._process = subprocess.Popen(
            [str(python), str(Path(__file__).with_name("bm25s_child.py")), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.indexing = float(self._answer()["seconds"])

    def __call__(self, questions: Sequence[str]) -> tuple[Found, float]:
        path = self._scratch / "questions.json"
        path.write_text(json.dumps(questions), encoding="utf-8")
        assert self._process.stdin is not None
        print(path, file=self._process.stdin, flush=True)
        told = self._answer()
        return told["found"], told["seconds"]

    def _answer(self) -> Mapping[str, Any]:
        assert self._process.stdout is not None
        told: Mapping[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def end(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def medquad(folder: Path, every: int) -> Asked:
    """Return every so many of MedQuAD's questions, and all answers, equal ones once."""
    rows = [json.loads(line) for line in lines(folder / "medquad" / SETS["medquad"])]
    numbers: dict[str, int] = {}
    for row in rows:
        numbers.setdefault(row["answer"], len(numbers))
    pairs = [(row["question"], numbers[row["answer"]]) for row in rows[::every]]
    return Asked("medquad", list(numbers), [question for question, _ in pairs], [number for _, number in pairs])


def xquad(folder: Path, language: str, every: int) -> Asked:
    """Return every so many of XQuAD's questions in a language, and all paragraphs."""
    content = json.loads((folder / "xquad" / f"xquad.{language}.json").read_text(encoding="utf-8"))
    paragraphs = [paragraph for article in content["data"] for paragraph in article["paragraphs"]]
    pairs = [(each["question"], number) for number, one in enumerate(paragraphs) for each in one["qas"]][::every]
    texts = [paragraph["context"] for paragraph in paragraphs]
    return Asked(f"xquad {language}", texts, [question for question, _ in pairs], [number for _, number in pairs])


def dataset(folder: Path, texts: Sequence[str]) -> Path:
    """Write texts as a dataset has them, each known by its number; return the table."""
    rows = []
    for number, text in enumerate(texts):
        size = len(text.encode())
        item = SourceItem(str(number), str(number), size, str(number), 0.0)
        made = as_documents(iter([Piece(text, 0, size)]), item, media_type="text/plain", parser="text")
        rows += [document.as_row() for document in made]
    path = folder / SHARDS_FOLDER / shard_name(0) / "train.parquet"
    path.parent.mkdir(parents=True)
    parquet.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    return path


def index(table: Path, folder: Path, embedder: Path | None) -> float:
    """Make an index and return the processor seconds that it took."""
    folder.mkdir(parents=True)
    began = time.process_time()
    make([table], IndexConfig(), StepContext(folder, folder, 1, lambda kind, /, **fields: None), embedder)
    return time.process_time() - began


def measure(asked: Asked, scratch: Path, options: argparse.Namespace, reader: Reranker | None) -> dict[str, Side]:
    """Ask all sides the same slices in turn."""
    table = dataset(scratch / "dataset", asked.texts)
    index(table, scratch / "warm", None)  # compiled code is loaded with the first
    sides = {"words": Side(indexing=index(table, scratch / "words", None))}
    opened = {"words": open_index(scratch / "words")}
    if options.embedder:
        sides["fused"] = Side(indexing=index(table, scratch / "fused", options.embedder))
        opened["fused"] = open_index(scratch / "fused")
    if reader:
        best = "fused" if options.embedder else "words"
        sides["read again"] = Side()
        opened["read again"] = open_index(scratch / best, reader)
    peer = Peer(options.bm25s, asked.texts, scratch) if options.bm25s.exists() else None
    if peer:
        sides["bm25s"] = Side(indexing=peer.indexing)
    size = -(-len(asked.questions) // SLICES)
    for first in range(0, len(asked.questions), size):
        questions = asked.questions[first : first + size]
        for name, opened_index in opened.items():
            _ask(opened_index, questions, sides[name])
        if peer:
            found, seconds = peer(questions)
            sides["bm25s"].found += found
            sides["bm25s"].seconds += seconds
    if peer:
        peer.end()
    return sides


def _ask(opened: Index, questions: Sequence[str], side: Side) -> None:
    began = time.process_time()
    side.found += [[int(each.uri) for each in opened.search_documents(one, DEPTH)] for one in questions]
    side.seconds += time.process_time() - began


def scored(asked: Asked, side: Side) -> dict[str, float]:
    """Return recall, nDCG, and milliseconds a question, of one side."""
    gains = [[int(each == right) for each in found] for found, right in zip(side.found, asked.right, strict=True)]
    count = len(gains)
    return {
        "recall_at_10": sum(recall(each, 1) for each in gains) / count,
        "ndcg_at_10": sum(ndcg(each, 1, DEPTH) for each in gains) / count,
        "milliseconds": 1000 * side.seconds / count,
        "indexing_seconds": side.indexing,
    }


def figures(told: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[Figure]:
    """Return the figures; what was not measured holds neither way."""
    medical = told.get("medquad", {})
    made = []
    for name in ("words", "fused", "read again", "bm25s"):
        for figure in ("recall_at_10", "ndcg_at_10"):
            value = medical.get(name, {}).get(figure)
            beaten = medical.get("bm25s", {}).get(figure)
            holds = value >= beaten if name == "words" and value is not None and beaten is not None else None
            goal = "at least bm25s" if name == "words" else ""
            made.append(Figure(f"medquad {figure}, {name}", value, "share", goal, holds))
    for name, sides in told.items():
        if name != "medquad":
            made += [
                Figure(f"{name} recall_at_10, {side}", sides.get(side, {}).get("recall_at_10"), "share", "", None)
                for side in ("words", "bm25s")
            ]
    for name in ("words", "bm25s"):
        rate = medical.get(name, {}).get("megabytes_per_second")
        made.append(Figure(f"indexing, {name}", rate, "MB/CPU-second", "", None))
        made.append(Figure(f"a question, {name}", medical.get(name, {}).get("milliseconds"), "CPU-ms", "", None))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer questions")
    parser.add_argument("--data", type=Path, default=BESIDE, help="folder with medquad and xquad")
    parser.add_argument("--bm25s", type=Path, default=CACHE / "bm25s/bin/python", help="a Python that has bm25s")
    parser.add_argument("--embedder", type=Path, help="folder of a model that makes vectors")
    parser.add_argument("--reader", type=Path, help="folder of a language model")
    options = parser.parse_args()
    every = EVERY_QUICK if options.quick else EVERY
    sets = [medquad(options.data, every)] if (options.data / "medquad").is_dir() else []
    if (options.data / "xquad").is_dir():
        sets += [xquad(options.data, language, every if options.quick else 1) for language in LANGUAGES]
    reader = query_likelihood(options.reader) if options.reader else None
    told: dict[str, dict[str, dict[str, float]]] = {}
    for asked in sets:
        # The models of one's own were made for one set; the others say how words fare in other languages.
        alone = argparse.Namespace(**{**vars(options), "embedder": None}) if asked.name != "medquad" else options
        with tempfile.TemporaryDirectory() as scratch:
            sides = measure(asked, Path(scratch), alone, reader if asked.name == "medquad" else None)
        size = sum(len(text.encode()) for text in asked.texts) / 1e6
        told[asked.name] = {name: scored(asked, side) for name, side in sides.items()}
        for figure in told[asked.name].values():
            if figure["indexing_seconds"]:
                figure["megabytes_per_second"] = size / figure["indexing_seconds"]
        print(f"{asked.name}: {len(asked.questions)} questions, {len(asked.texts)} texts, {size:.1f} MB")
        for name, figure in told[asked.name].items():
            print(f"  {name:12} " + "  ".join(f"{key} {value:.4f}" for key, value in figure.items()), flush=True)
    details = {"is_quick": options.quick, "sets": told, "questions": {each.name: len(each.questions) for each in sets}}
    publish("eval_retrieval", figures(told), details)


if __name__ == "__main__":
    main()
