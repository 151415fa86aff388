"""The recipe of the documentation over real documents, on this machine's processes and on Ray: the same artifacts.

`examples/documents.yaml` is run as it is, beside what it names: files of any type (`documents_*`), rows with a licence
(`medquad`), contracts as text, and an evaluation set: examination questions, and a hundred answers of medquad, so that
there is something to find. It runs in the same folder twice, on `local` and on `ray` with two workers, and every file
of every artifact must have the same SHA-256, the notes of pieces too; of the records all but what the clock tells.

Processor time and memory are those of all processes of a step (`processes.py`), Ray's own left out of the first and
told apart. MB are those of the text that was read.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import real_sets
from benchmarks.processes import Watch
from benchmarks.report import Figure, publish
from benchmarks.shard_runs import INGOT, WORKERS, result
from ingot.flow.home import Home

RECIPE = Path(__file__).parents[1] / "examples/documents.yaml"
STEPS = ("documents", "exams", "index", "dataset", "tokenizer", "shards")
IN_PIECES = ("documents", "dataset", "shards")
MOST_BYTES = 1 << 30
LEARNED_EXAMS = 100
NO_DOCUMENTS = ("LICENSE", "SOURCE.md")


def is_there(data: Path) -> bool:
    """Say whether the sets are there."""
    return (data / "medquad").is_dir() and (data / "contracts").is_dir() and any(data.glob("documents_*"))


def lay_out(data: Path, folder: Path, share: float) -> None:
    """Put the recipe and a share of the sets into a folder, as a user would."""
    shutil.copy(RECIPE, folder)
    for each in sorted(data.glob("documents_*")):
        left_out = shutil.ignore_patterns(*NO_DOCUMENTS)
        shutil.copytree(each, folder / "documents" / each.name, ignore=left_out, copy_function=shutil.copyfile)
    answers = [json.loads(line) for line in real_sets.lines(data / "medquad/medquad.jsonl.gz")]
    answers = answers[: int(len(answers) * share)]
    rows = [
        {"id": each["id"], "text": f"{each['question']}\n\n{each['answer']}", "licence": "CC BY 4.0"}
        for each in answers
    ]
    (folder / "records").mkdir()
    (folder / "records/medquad.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    contracts = [json.loads(line) for line in real_sets.lines(data / "contracts/contracts.jsonl.gz")]
    for number, each in enumerate(contracts[: int(len(contracts) * share)]):
        path = folder / "contracts" / each["label"] / f"{number:04}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(each["text"], encoding="utf-8")
    (folder / "evaluation").mkdir()
    for path in [*data.glob("mmlu_subset/*_test.csv"), *data.glob("pubmedqa/ori_pqal.json")]:
        shutil.copyfile(path, folder / "evaluation" / path.name)
    learned = random.Random(3).sample(rows, LEARNED_EXAMS)
    lines = "".join(json.dumps({"text": row["text"]}) + "\n" for row in learned)
    (folder / "evaluation/learned.jsonl").write_text(lines, encoding="utf-8")


def run(folder: Path, home: Path, executor: str) -> dict[str, Any]:
    """Run the recipe; return what its steps took, step by step, and what they made."""
    command = [INGOT, "run", str(folder / RECIPE.name), "--on", executor, "--cores", str(WORKERS), "--home", str(home)]
    output = folder / f"{executor}.log"
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    with output.open("wb") as log:
        started = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        with Watch(started.pid) as watch:
            code = started.wait()
    if code:
        sys.exit(f"{executor} failed with {code}:\n{output.read_text(encoding='utf-8', errors='replace')[-3000:]}")
    return {
        "seconds": {step: round(watch.seconds(step), 2) for step in STEPS},
        "ray_seconds": {step: round(watch.ray_seconds(step), 2) for step in STEPS},
        "worker_bytes": {step: watch.worker(step, WORKERS) for step in IN_PIECES},
        "step_bytes": {step: watch.peak(step, "step") for step in STEPS},
        "wall": {artifact.record.step: round(artifact.record.seconds, 2) for artifact in Home(home).all()},
    }


def different(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """Return the names of what is not the same in both."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def measure(data: Path, folder: Path, share: float) -> dict[str, Any]:
    """Run the recipe on both executors in turn, in the same place."""
    work, home = folder / "work", folder / "home"
    work.mkdir()
    lay_out(data, work, share)
    found: dict[str, Any] = {}
    results = {}
    for executor in ("local", "ray"):
        # What was copied from the sources stays: the notes of pieces say where it lies.
        for part in ("artifacts", "work", "runs"):
            shutil.rmtree(home / part, ignore_errors=True)
        found[executor] = run(work, home, executor)
        results[executor] = result(home)
        print(f"{executor}: {json.dumps(found[executor])}", flush=True)
    records = {artifact.record.step: artifact.record for artifact in Home(home).all()}
    found["files"] = sum(isinstance(value, str) for value in results["ray"].values())
    found["different"] = different(results["local"], results["ray"])
    found["facts"] = {step: dict(records[step].facts) for step in ("documents", "exams", "index", "dataset", "shards")}
    return found


def figures(found: Mapping[str, Any] | None) -> list[Figure]:
    """Return the figures; nothing was measured without the sets."""
    name = "files that differ between local and ray, of all artifacts"
    worker = "most memory of a worker and its sandbox"
    if found is None:
        absent = [(name, "files", "0"), *((f"{worker}, {on}", "bytes", "<= 1 GiB") for on in ("local", "ray"))]
        return [Figure(what, None, unit, goal, None) for what, unit, goal in absent]
    told = [Figure(name, len(found["different"]), "files", "0", not found["different"])]
    told.append(Figure("files of all artifacts", found["files"], "files", "", None))
    for on in ("local", "ray"):
        largest = max(found[on]["worker_bytes"].values())
        told.append(Figure(f"{worker}, {on}", largest, "bytes", "<= 1 GiB", largest <= MOST_BYTES))
        told += [
            Figure(f"{step}: worker, {on}", size, "bytes", "", None) for step, size in found[on]["worker_bytes"].items()
        ]
    megabytes = found["facts"]["documents"]["bytes"] / 1e6
    for step in (*IN_PIECES, "tokenizer"):
        rates = {on: megabytes / found[on]["seconds"][step] for on in ("local", "ray") if found[on]["seconds"][step]}
        told += [Figure(f"{step}, {on}", rate, "MB per processor-second", "", None) for on, rate in rates.items()]
    facts = found["facts"]["dataset"]
    told += [
        Figure(what.replace("_", " "), facts[what], "documents", "", None)
        for what in ("documents_in", "documents_kept")
    ]
    told += [
        Figure(f"dropped: {reason}", count, "documents", "", None)
        for reason, count in facts["dropped_by_reason"].items()
    ]
    told.append(Figure("files that could not be read", found["facts"]["documents"]["failed"], "files", "", None))
    return told


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows and contracts")
    parser.add_argument("--report", type=Path, help="also write the report of the dataset to this file")
    real_sets.add_option(parser)
    chosen = parser.parse_args()
    found = None
    if is_there(chosen.data):
        with tempfile.TemporaryDirectory() as scratch:
            found = measure(chosen.data, Path(scratch), 0.1 if chosen.quick else 1.0)
            if chosen.report:
                home = Path(scratch, "home")
                report = [INGOT, "data", "report", "acme-dataset", "--out", str(chosen.report), "--home", str(home)]
                subprocess.run(report, check=True, stdout=sys.stderr)
    publish("data_recipe", figures(found), {"is_quick": chosen.quick, "recipe": RECIPE.name, **(found or {})})


if __name__ == "__main__":
    main()
