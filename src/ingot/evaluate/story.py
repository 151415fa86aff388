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
from ingot.evaluate.continued import Continued
from ingot.evaluate.during import FIGURE
from ingot.flow.artifact import Artifact

SHOWN_FAILURES = 20
# The order in which a reader meets the steps.
ORDER = ("documents", "dataset", "old-dataset", "vocabulary", "plan", "tokenizer", "shards", "checkpoint", "audit")


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
    watt_hours: float | None
    method: str


@dataclass(frozen=True)
class Level:
    """How the canaries fared that stand in the training text so often; `exposure` is their median, in bits."""

    repeats: int
    inserted: int
    extracted: int
    recognised: int
    exposure: float


@dataclass(frozen=True)
class ByHeart:
    """What a model knows by heart, in words and by canaries, which are `share` of what it was trained on."""

    verdict: str
    told: str
    sentences: Sequence[str]
    levels: Sequence[Level]
    share: float
    controls: int


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


def beside_start(scores: Scores, continued: Continued | None) -> list[str]:
    """Say what going on from a model brought on new text, and what it cost on old text."""
    if continued is None:
        return []
    told = [_beside(scores.model.value, continued.before, f"{continued.start}, which it went on from,")]
    if continued.old_before is not None and continued.old_after is not None:
        change = continued.old_after / continued.old_before - 1
        kept = "as well as before" if abs(change) < 0.01 else f"{abs(change):.0%} {'worse' if change > 0 else 'better'}"
        told.append(
            f"On text that the old model knew it is {kept}: {continued.old_after:.2f} bits per byte, "
            f"{continued.old_before:.2f} before."
        )
    return told


def by_heart(audit: Artifact | None) -> ByHeart | None:
    """Say what an audit found that the model knows by heart; None for a build that was not audited."""
    if audit is None:
        return None
    facts = audit.facts
    levels = [
        Level(int(repeats), each["inserted"], each["extracted"], each["recognised"], each["exposure"])
        for repeats, each in facts["canaries"].items()
    ]
    verdict = {
        "pass": "Passed: it recites nothing that it read once, as far as that was tried.",
        "fail": "Failed: it recites what it should not. Whoever may ask this model can read that out of it.",
        "unsure": "Open: what it knows by heart could not be measured well enough to say.",
    }[facts["verdict"]]
    sentences = [f"{reason[:1].upper()}{reason[1:]}." for reason in facts["reasons"]]
    planted = facts.get("planted") or {"share": 0.0}
    return ByHeart(facts["verdict"], verdict, sentences, levels, planted["share"], facts["controls"])


def curves_by_dataset(checkpoint: Artifact) -> list[tuple[str, list[tuple[float, float]]]]:
    """Return the held-out curve of every dataset of a training on several, by the name of its input."""
    rows = _lines(checkpoint.path / "curve.jsonl")
    fields = sorted({field for row in rows for field in row if field.startswith(f"{FIGURE}.")})
    names = {"shards": "new text", "old": "old text"}
    return [(names.get(name := field.removeprefix(f"{FIGURE}."), name), curve(checkpoint, field)) for field in fields]


def as_foretold(forecast: Mapping[str, Any], came: float | None) -> str:
    """Say whether a training came to what its pilots foretold."""
    low, said, high = (float(forecast[name]) for name in ("low", "bits_per_byte", "high"))
    if came is None:
        return "The training was not measured on held-out text, so nothing compares."
    off = abs(came / said - 1)
    beside = "better" if came < said else "worse"
    away = "as foretold" if off < 0.001 else f"{off:.1%} {beside} than foretold"
    if low <= came <= high:
        return f"It came to {came:.3f}: {away}, inside the band."
    return f"It came to {came:.3f}: {away}, outside the band. Something was not as in the pilots."


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
        watt_hours=None if record.joules is None else record.joules / 3600,
        method=record.energy_method,
    )


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)
