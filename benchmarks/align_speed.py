"""How many tokens of conversations and preferences a processor learns from in a second, beside TRL.

The same model (5 million parameters, Qwen3's layout), tokenizer and examples: a question about a function of the
standard library (its name and the first line of its text), answered by its source; in a pair the worse answer is the
source of another one. At most 512 tokens of each are read. Both train all weights with AdamW, in bf16, on one thread;
TRL pads batches of 8 examples, or 8 pairs, as it does by default, and Ingot packs examples into batches of 4,096
tokens. Counted are tokens that are no padding, once each, by seconds of the processor; of DPO the pass of the
reference is in the seconds on both sides. The mean loss of a round stands in the details.

Rounds of all sides take turns. The figure is the median over rounds of the quotient within a round.

    TRL's defaults    SFT, DPO: gradient checkpointing and bf16 are both on, batches as they come
    TRL tuned         SFT: no checkpointing, texts of one length together (its DPO trainer refuses that)

TRL runs in the environment that `align_parity` describes.

    python benchmarks/align_speed.py [--quick] [--trl PYTHON]
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.align_parity import MODEL, PYTHON, make_models
from benchmarks.corpus import standard_library
from benchmarks.report import Figure, publish
from ingot.core.storage import sha256_file
from ingot.data import conversations, preferences
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.flow.artifact import Artifact
from ingot.flow.source import Snapshot, SourceItem
from ingot.flow.step import StepContext
from ingot.model.convert import load
from ingot.tokenizer.codec import Codec
from ingot.train.config import PretrainConfig
from ingot.train.objective import Given, Objective, bind, pieces
from ingot.train.objectives import preference, supervised
from ingot.train.reference import scores_of, write_reference
from ingot.train.state import DTYPES, begin, reproducible
from ingot.train.trainer import advance

ROW, ROWS, EXAMPLES, SEED = 512, 8, 900, 0
PAIR_ROW, PAIR_ROWS = 1024, 4  # as long as `ingot.data.preferences` makes them, and as many tokens in a step
CANDIDATES, FRAME = 3000, 24  # functions looked at; tokens that frame two turns
CPU = torch.device("cpu")
Round = dict[str, float]


@dataclass(frozen=True)
class Amount:
    """How many rounds, and how many steps of each side in one; the first of TRL's is not counted."""

    rounds: int
    ours: int
    trl: dict[str, int]


FULL = Amount(7, 6, {"sft defaults": 6, "sft tuned": 8, "dpo defaults": 4})
QUICK = Amount(1, 3, {"sft defaults": 3, "sft tuned": 3, "dpo defaults": 2})


def functions() -> Iterator[tuple[str, str]]:
    """Yield a question about each documented function of the standard library, and its source."""
    for path in sorted(standard_library().glob("*.py")):
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines(keepends=True)
        for node in ast.walk(ast.parse(source)):
            told = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
            if told and isinstance(node, ast.FunctionDef):
                text = textwrap.dedent("".join(lines[node.lineno - 1 : node.end_lineno]))
                yield f"Write {node.name}: {told.splitlines()[0]}", text


def write_examples(codec: Codec, folder: Path) -> tuple[Path, Path]:
    """Write conversations and pairs whose texts fit a row, as both sides read them."""
    lot = random.Random(SEED)
    known = lot.sample(list(functions()), CANDIDATES)
    questions, answers = (codec.encode_batch(list(texts)) for texts in zip(*known, strict=True))
    sizes = [len(asked) + len(said) for asked, said in zip(questions, answers, strict=True)]
    # A conversation may fill a row; of a pair both must fit it.
    half, whole = ROW // 2 - FRAME, ROW - FRAME
    chosen = [each for each, size in zip(known, sizes, strict=True) if size < half][:EXAMPLES]
    long = [each for each, size in zip(known, sizes, strict=True) if half <= size < whole][: EXAMPLES // 2]
    taught = [*chosen[: EXAMPLES // 2], *long]
    lot.shuffle(taught)
    talks, pairs = folder / "talks.jsonl", folder / "pairs.jsonl"
    talks.write_text(
        "".join(
            json.dumps({"prompt": [_said("user", q)], "completion": [_said("assistant", a)]}) + "\n" for q, a in taught
        )
    )
    rows = [
        {"prompt": [_said("user", q)], "chosen": [_said("assistant", a)], "rejected": [_said("assistant", other)]}
        for (q, a), (_, other) in zip(chosen, [*chosen[1:], chosen[0]], strict=True)
    ]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return talks, pairs


def _said(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


class Peer:
    """TRL in a process of its own."""

    def __init__(self, python: Path, model: Path, talks: Path, pairs: Path, scratch: Path) -> None:
        words = [str(python), str(Path(__file__).with_name("trl_speed_child.py")), *map(str, (model, talks, pairs))]
        self._log = scratch / "trl.log"
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log.open("a"),
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HOME": str(scratch / "hf")},
        )
        self._answer()

    def round(self, side: str, steps: int, seed: int) -> Round:
        """Let one of its trainers take some steps."""
        assert self._process.stdin is not None
        print(json.dumps({"side": side, "steps": steps, "seed": seed}), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Round:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                told: Round = json.loads(line)
                return told
        raise RuntimeError(f"TRL ended:\n{self._log.read_text()[-3000:]}")

    def end(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Ours:
    """A training of Ingot, asked for rounds: the steps that `ingot.train.run:pretrain` takes, and nothing beside."""

    def __init__(self, start: Path, shards: Path, objective: Objective, name: str, rows: int, length: int) -> None:
        settings: dict[str, Any] = {"batch_size": rows, "sequence_length": length, "optimizer": "adamw"}
        self._config = PretrainConfig(
            MODEL, steps=10_000, objective=name, learning_rate=2e-5, precision="bf16", **settings
        )
        self._state = begin(self._config, 1, "bf16", CPU, start)
        self._stream = Stream(Shards.open(shards, "train"), rows, length, SEED)
        self._objective, self._pad = objective, Codec.load(start).pad

    def round(self, steps: int, beside: Callable[[Any], object] = lambda batch: None) -> Round:
        """Take some steps; `beside` is done with every batch as well, on the same clock."""
        tokens, loss, begun = 0, 0.0, time.process_time()
        for _ in range(steps):
            batch = self._stream.batch(self._state.batch)
            beside(batch)
            told = advance(self._state, batch, self._objective, self._config)
            assert not told.trouble, told.trouble
            tokens, loss = tokens + int((batch.tokens != self._pad).sum()), loss + told.loss
        return {"seconds": time.process_time() - begun, "tokens": tokens, "loss": loss / steps}


def shards_of(step: Any, config: object, source: Path, model: Path, folder: Path) -> Path:
    """Make the shards of a file by the step that a recipe runs."""
    folder.mkdir()
    item = SourceItem(source.name, str(source), source.stat().st_size, sha256_file(source), 0.0)
    context = StepContext(folder, folder, 1, lambda kind, /, **fields: None, {"examples": Snapshot("folder", (item,))})
    # The step reads the folder of its tokenizer, and not the record.
    facts = step(config, {"tokenizer": Artifact(model, None)}, context)  # type: ignore[arg-type]
    assert not facts["failures"], facts
    return folder


def as_messages(talks: Path) -> Path:
    """Write TRL's prompts and completions as the conversations they are."""
    rows = [json.loads(line) for line in talks.read_text().splitlines()]
    path = talks.with_name("messages.jsonl")
    path.write_text("".join(json.dumps({"messages": row["prompt"] + row["completion"]}) + "\n" for row in rows))
    return path


def our_sides(start: Path, talks: Path, pairs: Path, scratch: Path) -> dict[str, Callable[[int], Round]]:
    """Return both trainings of Ingot, each as what takes a round of so many steps."""
    codec = Codec.load(start)
    framing = preferences.Config(PAIR_ROW, 0.0)
    taught = shards_of(conversations.tokenize, conversations.Config(0.0), as_messages(talks), start, scratch / "taught")
    paired = shards_of(preferences.tokenize, framing, pairs, start, scratch / "paired")
    reference = load(start, DTYPES["bf16"]).eval()

    def scored(batch: Any) -> dict[str, Any]:
        return scores_of(reference, pieces(batch, 1, CPU), codec)

    (scratch / "scores").mkdir()
    every = Stream(Shards.open(paired, "train"), PAIR_ROWS, PAIR_ROW, SEED)
    tables = [scored(every.batch(number)) for number in range(-(-EXAMPLES // PAIR_ROWS))]
    write_reference({name: torch.cat([each[name] for each in tables]) for name in tables[0]}, start, scratch / "scores")
    given = Given({"tokenizer": start, "start": start, "reference": scratch / "scores"})
    sft = Ours(start, taught, bind(supervised.loss, supervised.Config(), given), "supervised", ROWS, ROW)
    dpo = Ours(start, paired, bind(preference.loss, preference.Config(), given), "preference", PAIR_ROWS, PAIR_ROW)
    return {"sft": sft.round, "dpo": lambda steps: dpo.round(steps, scored)}


def measure(amount: Amount, peer: Peer, ours: dict[str, Callable[[int], Round]]) -> list[dict[str, Round]]:
    """Let all sides take turns; where there are several rounds, one before them warms up and is left out."""
    found = []
    for number in range(amount.rounds + 1 if amount.rounds > 1 else 1):
        warms_up = number == 0 and amount.rounds > 1
        told = {f"ingot {name}": side(1 if warms_up else amount.ours) for name, side in ours.items()}
        told |= {side: peer.round(side, 2 if warms_up else steps, number) for side, steps in amount.trl.items()}
        if not warms_up:
            found.append(told)
            print(
                json.dumps({side: round(each["tokens"] / each["seconds"]) for side, each in told.items()}), flush=True
            )
    return found


def figures_of(found: Sequence[dict[str, Round]]) -> list[Figure]:
    """Return the figures of the issue's row."""

    def rate(side: str) -> list[float]:
        return [each[side]["tokens"] / each[side]["seconds"] for each in found]

    def quotient(what: str, mine: str, theirs: str, goal: float) -> Figure:
        value = median(one / other for one, other in zip(rate(mine), rate(theirs), strict=True))
        return Figure(what, value, "times", f">= {goal}", value >= goal)

    return [
        quotient("SFT, of TRL's defaults", "ingot sft", "sft defaults", 4.5),
        quotient("SFT, of TRL tuned", "ingot sft", "sft tuned", 2.3),
        quotient("DPO with the pass of the reference, of TRL's defaults", "ingot dpo", "dpo defaults", 6.0),
        Figure("GRPO, of TRL's defaults", None, "times", ">= 3", None),
        *[Figure(side, median(rate(side)), "tokens per CPU-second", "", None) for side in found[0]],
    ]


def main() -> None:
    """Measure round after round, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round instead of seven")
    parser.add_argument("--trl", type=Path, default=PYTHON, metavar="PYTHON")
    arguments = parser.parse_args()
    if not arguments.trl.exists():
        sys.exit(f"there is no {arguments.trl}: see the top of benchmarks/align_parity.py")
    texts = [path.read_text(encoding="utf-8") for path in sorted((standard_library() / "asyncio").glob("*.py"))]
    with tempfile.TemporaryDirectory() as temporary, reproducible(1, CPU):
        scratch = Path(temporary)
        start = make_models(scratch, texts)[1]
        talks, pairs = write_examples(Codec.load(start), scratch)
        peer = Peer(arguments.trl, start, talks, pairs, scratch)
        ours = our_sides(start, talks, pairs, scratch)
        found = measure(QUICK if arguments.quick else FULL, peer, ours)
        peer.end()
    publish("align_speed", figures_of(found), {"is_quick": arguments.quick, "examples": EXAMPLES, "rounds": found})


if __name__ == "__main__":
    main()
