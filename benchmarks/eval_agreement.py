"""The same questions, asked by Ingot and by lm-evaluation-harness: equal answers, and what each costs.

A small model of drawn weights is asked multiple choice in three forms, made of the documentation in the standard
library: `texts` (which of four passages goes on; each is weighed), `letters` (the passages stand in the prompt and a
letter is weighed) and `shown` (the same behind five solved examples, as MMLU is asked). Both sides read the same files
and report every item; in `texts` lengths differ, so there the choice by length is compared too.

Cost is processor seconds on one thread, models opened before, in turns over the same slices: from the file to the
figures, and, for lm-eval, inside its call that weighs texts alone. Ours always is all of it, with opening the model.
lm-eval tries several batch sizes on a slice first and goes on with the quickest; its default is 1.

lm-eval runs in an environment of its own:

    python -m venv ~/.cache/ingot-benchmarks/lmeval
    ~/.cache/ingot-benchmarks/lmeval/bin/pip install torch==2.13.0 "lm_eval[hf]==0.4.13" transformers==5.23.0

    python benchmarks/eval_agreement.py [--quick] [--lmeval PYTHON]
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from benchmarks.corpus import LEFT_OUT, standard_library
from benchmarks.report import Figure, publish
from ingot.evaluate.asking import answered
from ingot.evaluate.config import AskConfig
from ingot.evaluate.results import Result, measured
from ingot.evaluate.task import Asking, Choice, Item, with_examples
from ingot.flow.step import StepContext
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write

CACHE = Path("~/.cache/ingot-benchmarks").expanduser()
FORMS = {"texts": 4000, "letters": 4000, "shown": 2000}
SLICES, SHOTS, BATCH_SIZES, TRIED = 4, 5, (1, 8, 32), 48
VOCABULARY = 8192
LETTERS = ("A", "B", "C", "D")
Turn = dict[str, Any]


class Peer:
    """lm-eval in a process of its own, that answers files of items."""

    def __init__(self, python: Path, folder: Path, batch_size: int, scratch: Path) -> None:
        child = Path(__file__).with_name("lmeval_child.py")
        self._process = subprocess.Popen(
            [str(python), str(child), str(folder), str(batch_size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(scratch / "lmeval.log").open("a"),
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HOME": str(scratch / "hf")},
        )
        self._answer()

    def __call__(self, path: Path) -> Turn:
        assert self._process.stdin is not None
        print(path, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Turn:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):
                told: Turn = json.loads(line)
                return told
        raise RuntimeError("lm-eval ended; the last lines of its log say why")

    def end(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def documentation() -> Iterator[str]:
    """Yield the docstrings of the standard library."""
    for path in sorted(standard_library().rglob("*.py")):
        if not set(LEFT_OUT) & set(path.parts):
            with contextlib.suppress(SyntaxError, UnicodeDecodeError):
                tree = ast.parse(path.read_text(encoding="utf-8"))
                kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
                yield from filter(None, (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)))


def make_model(folder: Path, texts: Sequence[str]) -> int:
    """Write a model of about five million parameters, whose tokenizer puts its first mark itself as Llama's does."""
    tokenizer = learn(texts, VOCABULARY)
    write(tokenizer, folder)
    codec = Codec.load(folder)
    path = folder / "tokenizer.json"
    framed = Tokenizer.from_file(str(path))
    bos = framed.id_to_token(codec.bos)
    framed.post_processor = TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, codec.bos)])
    framed.save(str(path))
    torch.manual_seed(0)
    config = ModelConfig(codec.vocabulary, 256, 4, 4, 2, 64, 704, context=2048)
    decoder = Decoder(config)
    with torch.no_grad():
        for weight in decoder.parameters():
            # Larger than for training, so that choices differ by more than rounding.
            weight.mul_(3.0 if weight.ndim == 2 else 1.0)
    save(decoder, folder, SpecialTokens(codec.bos, (codec.eos, codec.end_of_turn), codec.pad))
    return config.parameters


def questions(form: str, count: int, words: Sequence[str], lot: random.Random) -> list[Item]:
    """Return questions of one form: which passage goes on."""
    asked: list[Item] = [_question(form, f"{form}-{number}", words, lot) for number in range(count + SHOTS)]
    items, examples = asked[:count], asked[count:]
    return [with_examples(item, examples, SHOTS) for item in items] if form == "shown" else items


def _question(form: str, name: str, words: Sequence[str], lot: random.Random) -> Choice:
    place = lot.randrange(len(words) - 100)
    opening = " ".join(words[place : place + lot.randint(20, 60)])
    right = " ".join(words[place + len(opening.split()) :][: lot.randint(4, 14)])
    wrong = [" ".join(words[at : at + lot.randint(4, 14)]) for at in lot.sample(range(len(words) - 20), 3)]
    answer = lot.randrange(4)
    choices = (*wrong[:answer], right, *wrong[answer:])
    if form == "texts":
        return Choice(name, opening, choices, (answer,))
    lines = [f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=True)]
    return Choice(name, "\n".join([f"Which passage goes on? {opening}", *lines, "Answer:"]), LETTERS, (answer,))


def slices(form: str, items: Sequence[Item], folder: Path, count: int) -> list[Path]:
    """Write items as files, in slices, and return their paths."""
    paths = []
    for number in range(count):
        path = folder / f"{form}_{number}.jsonl"
        rows = [
            {"prompt": item.before + item.prompt, "choices": item.choices, "right": item.right[0]}
            for item in items[number::count]
            if isinstance(item, Choice)
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        paths.append(path)
    return paths


def ours(folder: Path, path: Path, context: StepContext) -> Turn:
    """Answer a file as the step does, from the file to the figures."""
    began = time.process_time()
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    items = [
        Choice(str(number), row["prompt"], tuple(row["choices"]), (row["right"],)) for number, row in enumerate(rows)
    ]
    results: list[Result] = answered(folder, items, Asking(), AskConfig(), context)
    measured(results, 1, 0)
    return {
        "seconds": time.process_time() - began,
        "acc": [result.scores["accuracy"] for result in results],
        "acc_norm": [result.scores.get("accuracy_by_length", result.scores["accuracy"]) for result in results],
        "weights": [result.weights for result in results],
    }


def quickest(python: Path, folder: Path, path: Path, scratch: Path) -> tuple[Peer, dict[int, float]]:
    """Return lm-eval with the batch size that answers a slice soonest, and the seconds of each."""
    peers = {size: Peer(python, folder, size, scratch) for size in BATCH_SIZES}
    for peer in peers.values():
        peer(path)  # the first time reads code and warms caches
    seconds = {size: float(peer(path)["seconds"]) for size, peer in peers.items()}
    best = min(seconds, key=lambda size: seconds[size])
    for size, peer in peers.items():
        if size != best:
            peer.end()
    return peers[best], seconds


def compare(turns: Sequence[tuple[Turn, Turn]]) -> dict[str, float]:
    """Return what the answers of both sides come to, ours first in each pair."""

    def all_of(side: int, name: str) -> list[Any]:
        return [value for pair in turns for value in pair[side][name]]

    differences = [
        abs(own - their)
        for mine, theirs in zip(all_of(0, "weights"), all_of(1, "weights"), strict=True)
        for own, their in zip(mine, theirs, strict=True)
    ]
    counted = {
        f"{name}_differs": float(sum(a != b for a, b in zip(all_of(0, name), all_of(1, name), strict=True)))
        for name in ("acc", "acc_norm")
    }
    means = {f"{name}": sum(all_of(0, name)) / len(all_of(0, name)) for name in ("acc", "acc_norm")}
    seconds = {side: sum(pair[place]["seconds"] for pair in turns) for place, side in enumerate(("ours", "lm_eval"))}
    alone = sum(pair[1]["weighing"] for pair in turns)
    items = {"items": float(len(all_of(0, "acc"))), "largest_difference": max(differences)}
    return {**items, **counted, **means, **seconds, "lm_eval_weighing": alone}


def figures_of(told: dict[str, dict[str, float]], is_quick: bool) -> list[Figure]:
    """Return the figures of the issue's row, and those of each form."""
    items = sum(each["items"] for each in told.values())
    wrong = sum(each["acc_differs"] + each["acc_norm_differs"] for each in told.values())
    total = {name: sum(each[name] for each in told.values()) for name in ("ours", "lm_eval", "lm_eval_weighing")}
    ratio, alone = total["lm_eval"] / total["ours"], total["lm_eval_weighing"] / total["ours"]
    figures = [
        Figure("items asked of both sides", items, "items", "10,000", None if is_quick else items >= 10_000),
        Figure("items scored otherwise than by lm-eval", wrong, "items", "0", wrong == 0),
        Figure("lm-eval's processor seconds, of ours", ratio, "x", ">= 3", ratio >= 3),
        Figure("the same, of lm-eval only what weighs", alone, "x", ">= 3", alone >= 3),
    ]
    for form, each in told.items():
        figures.append(Figure(f"{form}: lm-eval's seconds, of ours", each["lm_eval"] / each["ours"], "x", "", None))
        largest = each["largest_difference"]
        figures.append(
            Figure(f"{form}: largest difference of a log-probability", largest, "nats", "< .001", largest < 1e-3)
        )
    return figures


def main() -> None:
    """Ask both sides, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fortieth of the items, one slice, one batch size")
    parser.add_argument("--lmeval", type=Path, default=CACHE / "lmeval" / "bin" / "python", metavar="PYTHON")
    arguments = parser.parse_args()
    if not arguments.lmeval.exists():
        sys.exit(f"there is no {arguments.lmeval}: see the top of this file")
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one thread is one thread
    count = 1 if arguments.quick else SLICES
    lot = random.Random(6)
    texts = list(documentation())
    words = " ".join(texts).split()
    told: dict[str, dict[str, float]] = {}
    tried: dict[str, dict[int, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        folder = scratch / "model"
        folder.mkdir()
        parameters = make_model(folder, texts)
        context = StepContext(scratch, scratch, 1, lambda kind, /, **fields: None)
        known = Peer(arguments.lmeval, folder, BATCH_SIZES[1], scratch) if arguments.quick else None
        for form, most in FORMS.items():
            items = questions(form, most // 40 if arguments.quick else most, words, lot)
            (trial,) = slices(f"{form}_trial", items[:TRIED], scratch, 1)
            peer, tried[form] = (known, {}) if known else quickest(arguments.lmeval, folder, trial, scratch)
            if form == "texts":
                peer(trial)  # the first time reads code and warms caches
                ours(folder, trial, context)
            turns = [(ours(folder, path, context), peer(path)) for path in slices(form, items, scratch, count)]
            if known is None:
                peer.end()
            told[form] = compare(turns)
            print(form, told[form], flush=True)
        if known is not None:
            known.end()
    details = {"is_quick": arguments.quick, "parameters": parameters, "forms": told, "seconds_by_batch_size": tried}
    publish("eval_agreement", figures_of(told, arguments.quick), details)


if __name__ == "__main__":
    main()
