"""What a model of one's own is worth on MedQuAD: the evidence recipe, run as anybody would run it.

MedQuAD's questions with their answers are the own text, grouped by what they are about; contracts, school maths,
speeches and plays are the general text. Every arm has the same size, the same processor seconds and the same held-out
bytes; near-duplicates go before the split. PPMd of order 6, 7-Zip's, reads the same training text and codes the same
held-out bytes, in an environment of its own (its library is LGPL, and is no part of Ingot).

    python benchmarks/eval_evidence.py                    30 minutes of one core: one seed, all arms
    python benchmarks/eval_evidence.py --full             five seeds, at equal bytes too (hours)
    python benchmarks/eval_evidence.py --home FOLDER      keep what was made there, and go on from it
    python benchmarks/eval_evidence.py --quick            tiny: that it runs, no figure that means anything

Seeds differ by little beside documents, so one seed tells most; what it cannot tell is said in the page.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.real_sets import BESIDE
from benchmarks.report import Figure, publish
from ingot.core.tables import parts, read_rows
from ingot.evaluate.evidence.choosing import OWN, read_chosen
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home

CACHE = Path("~/.cache/ingot-benchmarks/ppmd").expanduser()
PEER, ORDER = "pyppmd==1.3.1", 6
COLUMNS = ("question", "answer", "focus", "qtype")
NAME = "medquad"
QUICK_ROWS, QUICK_GENERAL_BYTES, PEER_TEXTS = 800, 600_000, 10_000
# What is compared, by how much it should be better, and the goal in words.
GOALS = {
    "mixed": (0.15, "at least 15% fewer bits per byte than a generalist with 20% own text"),
    "borrowed": (0.05, "at least 5% from the vocabulary alone"),
    "continued": (0.05, "at least 5% fewer than continued pre-training, at equal own compute"),
}
PPMD_GOAL = 0.10


def main() -> None:
    """Run the recipe and tell its figures."""
    asked = arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(asked.home or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        written = write_texts(asked.data, folder / "texts", asked.quick)
        run(command(asked, folder, written))
        home = Home(folder / "home")
        made = home.get(NAME)
        bits = ppmd(home, made, asked.peer)
        publish("eval_evidence", figures(made, bits, asked.quick), details(asked, made, bits))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny, at most two minutes")
    parser.add_argument("--full", action="store_true", help="five seeds, and at equal bytes too")
    parser.add_argument("--minutes", type=float, help="of one core  [default: 30, with --full 330]")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--home", type=Path, help="where to keep what is made")
    parser.add_argument("--data", type=Path, default=BESIDE, help="folder with medquad, contracts, gsm8k, ...")
    parser.add_argument("--peer", type=Path, help="interpreter with pyppmd  [default: an environment is made]")
    return parser.parse_args()


def command(asked: argparse.Namespace, folder: Path, texts: Path) -> list[str]:
    """Return the command line of the recipe."""
    rows = ["--questions", str(texts / "medquad.jsonl"), "--group", "focus", "--label", "qtype"]
    place = ["--name", NAME, "--home", str(folder / "home"), "--cores", str(asked.cores)]
    line = [sys.executable, "-m", "ingot.cli.main", "evidence", *rows, "--general", str(texts / "general"), *place]
    if asked.quick:
        return [*line, "--arms", "own,mixed", "--steps", "60", "--width", "64", "--layers", "2", "--vocabulary", "1024"]
    minutes = asked.minutes or (330 if asked.full else 30)
    form = ["--seeds", "5", "--at-equal-bytes"] if asked.full else []
    return [*line, "--arms", "all", "--minutes", str(minutes), *form]


def run(line: Sequence[str]) -> None:
    """Run a command; what it prints goes to where errors go, for figures are the only output."""
    subprocess.run(line, check=True, stdout=sys.stderr, env={**os.environ, "OMP_NUM_THREADS": "1"})


def write_texts(data: Path, folder: Path, is_quick: bool) -> Path:
    """Write the own and the general texts as files, the same ones every time."""
    general = folder / "general"
    if general.is_dir():
        return folder
    with gzip.open(data / "medquad" / "medquad.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if (row["answer"] or "").strip()]
    if is_quick:
        rows = random.Random(0).sample(rows, QUICK_ROWS)
    size = sum(len(row["answer"].encode()) for row in rows)
    for kind, texts in general_texts(data, QUICK_GENERAL_BYTES if is_quick else size).items():
        place = general / kind
        place.mkdir(parents=True)
        for number, text in enumerate(texts):
            (place / f"{number:05}.txt").write_text(text, encoding="utf-8")
    lines = (json.dumps({name: row[name] for name in COLUMNS}, ensure_ascii=False) + "\n" for row in rows)
    (folder / "medquad.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def general_texts(data: Path, limit_bytes: int) -> Mapping[str, Sequence[str]]:
    """Return general texts of four kinds, together about so many bytes; of contracts what the others leave."""
    maths = [f"{row['question']}\n{row['answer']}" for row in _lines(data / "gsm8k" / "train.jsonl")]
    plays = (data / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    kinds = {
        # One problem alone is shorter than what is scored of a document.
        "school-maths": ["\n\n".join(maths[first : first + 8]) for first in range(0, len(maths), 8)],
        "speeches": list(_speeches(data / "nltk_text")),
        "plays": [plays[first : first + 4000] for first in range(0, len(plays), 4000)],
    }
    with gzip.open(data / "contracts" / "contracts.jsonl.gz", "rt", encoding="utf-8") as file:
        contracts = [json.loads(line)["text"][:60_000] for line in file]
    random.Random(1).shuffle(contracts)
    share = limit_bytes / 8
    taken = {
        kind: list(_about(texts, share if limit_bytes <= QUICK_GENERAL_BYTES else limit_bytes))
        for kind, texts in kinds.items()
    }
    left = limit_bytes - sum(len(text.encode()) for texts in taken.values() for text in texts)
    return {**taken, "contracts": list(_about(contracts, max(left, share)))}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _speeches(folder: Path) -> Iterator[str]:
    for name in ("inaugural", "state_union"):
        with zipfile.ZipFile(folder / f"{name}.zip") as archive:
            for member in sorted(archive.namelist()):
                if member.endswith(".txt") and "README" not in member:
                    yield archive.read(member).decode("latin-1")


def _about(texts: Sequence[str], limit_bytes: float) -> Iterator[str]:
    left = limit_bytes
    for text in texts:
        if left <= 0:
            return
        left -= len(text.encode())
        yield text


def ppmd(home: Home, made: Artifact, peer: Path | None) -> list[float]:
    """Return the bits PPMd needs for every held-out text, after it has read the own training text."""
    python = peer or CACHE / "bin" / "python"
    if not python.exists():
        venv.create(CACHE, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True, stdout=sys.stderr)
    dataset, chosen = (_input(home, made, name) for name in ("dataset", "texts"))
    texts = [each.text for each in read_chosen(chosen.path, OWN)][:PEER_TEXTS]
    with tempfile.NamedTemporaryFile() as training:
        for row in read_rows(parts(dataset.path, "train"), ("text",)):
            training.write(row["text"].encode() + b"\n")
        training.flush()
        child = [str(python), str(Path(__file__).with_name("ppmd_child.py")), training.name, str(ORDER)]
        done = subprocess.run(child, input=json.dumps(texts), check=True, capture_output=True, text=True)
    bits: list[float] = json.loads(done.stdout)
    return bits


def _input(home: Home, made: Artifact, name: str) -> Artifact:
    reference = made.record.inputs[name]
    return next(each for each in home.versions(reference.partition("@")[0]) if each.reference == reference)


def figures(made: Artifact, ppmd_bits: Sequence[float], is_quick: bool) -> Iterator[Figure]:
    """Yield the row's figures; what a quick run cannot tell has no verdict."""
    facts = made.facts
    own = next(each for each in facts["arms"] if each["arm"] == OWN and each["basis"] == "compute")
    others = {each["arm"]: each for each in facts["arms"] if each["basis"] == "compute"}
    for arm, (least, goal) in GOALS.items():
        share = 1 - own["own"]["value"] / others[arm]["own"]["value"] if arm in others else None
        yield Figure(f"own against {arm}", share, "share fewer bits per byte", goal, _holds(share, least, is_quick))
    by_ppmd = sum(ppmd_bits) / facts["own_bytes"]
    share = 1 - own["own"]["value"] / by_ppmd
    goal = f"at least 10% fewer than PPMd of order {ORDER} with the same training text"
    yield Figure("own against PPMd", share, "share fewer bits per byte", goal, _holds(share, PPMD_GOAL, is_quick))
    yield Figure("PPMd", by_ppmd, "bits per byte", "", None)
    for each in facts["arms"]:
        name = each["arm"] if each["basis"] == "compute" else f"{each['arm']} at equal bytes"
        yield Figure(f"{name}, own text", each["own"]["value"], "bits per byte", "", None)
        yield Figure(f"{name}, general text", each["general"]["value"], "bits per byte", "", None)
    labels, words = own["labels"], facts["words_label_accuracy"]
    if labels and words is not None:
        better = labels["value"] - words
        # A lead that chance would often make is none: the lower end of the paired interval counts, of every seed.
        surely = min(each["low"] for each in facts["labels_beside_words"])
        goal = "clearly above a bag of words, 0"
        yield Figure("question type, own less words", better, "accuracy", goal, _holds(surely, 1e-9, is_quick))
        yield Figure("question type, own", labels["value"], "accuracy", "", None)
        yield Figure("question type, words", words, "accuracy", "", None)
    goal = "every arm within 10% of the mean processor seconds"
    spread = facts["largest_deviation"]
    yield Figure("compute", spread, "largest deviation", goal, None if is_quick or spread is None else spread <= 0.1)


def _holds(value: float | None, least: float, is_quick: bool) -> bool | None:
    return None if is_quick or value is None else value >= least


def details(asked: argparse.Namespace, made: Artifact, ppmd_bits: Sequence[float]) -> dict[str, Any]:
    """Return what a reader needs to doubt the figures."""
    return {"is_quick": asked.quick, "peer": PEER, "ppmd_bits": sum(ppmd_bits), "facts": dict(made.facts)}


if __name__ == "__main__":
    main()
