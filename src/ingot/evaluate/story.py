"""The report's content as plain data: every number and sentence it shows, taken from records and measurements.

Nothing here knows HTML. Sentences are chosen by the numbers, so that a model worse than a baseline is called worse.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ingot.evaluate.bits import Interval
from ingot.flow.artifact import Artifact

SHOWN_FAILURES = 20
# The order in which a reader meets the steps.
ORDER = ("documents", "dataset", "vocabulary", "plan", "tokenizer", "shards", "checkpoint")


@dataclass(frozen=True)
class Scores:
    """Bits per byte of the model with its interval, and of the baselines, all on the same text."""

    model: Interval
    zstd: float
    ngram: float
    ngram_name: str
    documents: int
    bytes: int
    dictionary_bytes: int
    counted_bytes: int


@dataclass(frozen=True)
class Tally:
    """How many documents share one reason, in plain words."""

    reason: str
    documents: int


@dataclass(frozen=True)
class Failure:
    """A file that could not be read, why, and what to do."""

    uri: str
    reason: str
    fix: str


@dataclass(frozen=True)
class StepCost:
    """What a step took. `method` is measured or estimated."""

    step: str
    reference: str
    inputs: tuple[str, ...]
    seconds: float
    watt_hours: float
    method: str


_PLAIN_REASONS = {
    "exact duplicate": "word for word the same as a document that was kept",
    "near duplicate": "almost the same as a document that was kept",
}


def model_name(checkpoint: Artifact) -> str:
    """Return the model's name: the checkpoint's, without the word that tells artifacts of a build apart."""
    return checkpoint.name.removesuffix("-checkpoint")


def drops(dataset: Artifact) -> list[Tally]:
    """Return why documents were dropped, most frequent first."""
    return _tallies(dataset.facts["dropped_by_reason"])


def flags(dataset: Artifact) -> list[Tally]:
    """Return how many documents were kept although something about them is unlike the rest, most frequent first."""
    return _tallies(dataset.facts["flags"])


def _tallies(counts: Mapping[str, int]) -> list[Tally]:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Tally(_PLAIN_REASONS.get(reason, reason.replace("_", " ")), count) for reason, count in ordered if count]


def failures(documents: Artifact) -> list[Failure]:
    """Return the first files that could not be read, with reason and fix."""
    rows = _lines(documents.path / "failures.jsonl")
    return [Failure(row["uri"], row["reason"], row.get("fix", "")) for row in islice(rows, SHOWN_FAILURES)]


def curve(checkpoint: Artifact, field: str) -> list[tuple[float, float]]:
    """Return the training curve of one field as (tokens, value); rows without it are left out."""
    rows = _lines(checkpoint.path / "curve.jsonl")
    return [(float(row["tokens"]), float(row[field])) for row in rows if row.get(field) is not None]


def costs(inputs: Mapping[str, Artifact]) -> list[StepCost]:
    """Return what each upstream step took, in reading order."""
    names = [name for name in ORDER if name in inputs] + sorted(set(inputs) - set(ORDER))
    return [_cost(name, inputs[name]) for name in names]


def total_method(steps: Sequence[StepCost]) -> str:
    """Return measured, estimated, or that it is mixed."""
    methods = {step.method for step in steps}
    return methods.pop() if len(methods) == 1 else "partly estimated"


def quality(scores: Scores, name: str) -> list[str]:
    """Say in plain words what the bits per byte mean and how the model stands beside the baselines."""
    own = scores.model.value
    return [
        f"{name} needs {own:.2f} bits for a byte of text it has not seen; knowing nothing would take 8.",
        _beside(own, scores.ngram, f"counting which byte follows the last {_context(scores.ngram_name)}"),
        _beside(own, scores.zstd, "zstd, which may look up whole passages of your training text,"),
    ]


def abilities(bits_per_byte: float, parameters: int) -> str:
    """Say what can be expected of a model this good and this large, without promising anything."""
    if bits_per_byte > 1.0 or parameters < 100_000_000:
        return "At this size the text looks like your documents, but the model does not know what it says."
    return "It writes fluently in the manner of your documents; check every fact, it was not trained to be right."


def _context(ngram_name: str) -> str:
    order = ngram_name.split("-", 1)[0]
    return f"{int(order) - 1} bytes" if order.isdecimal() else "bytes"


def _beside(own: float, other: float, what: str) -> str:
    share = 1 - own / other
    if abs(share) < 0.01:
        return f"That is about what {what} needs ({other:.2f})."
    direction = "fewer" if share > 0 else "more"
    of = abs(share) if share > 0 else own / other - 1
    return f"That is {of:.0%} {direction} than {what} needs ({other:.2f})."


def _cost(step: str, artifact: Artifact) -> StepCost:
    record = artifact.record
    return StepCost(
        step=step,
        reference=artifact.reference,
        inputs=tuple(record.parents),
        seconds=record.seconds,
        watt_hours=record.joules / 3600,
        method=record.energy_method,
    )


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)
