"""Scores such as the steps before the comparison leave, with figures chosen by the test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ingot.evaluate.evidence.arms import BYTES
from ingot.evaluate.evidence.choosing import GENERAL, OWN, TEXTS_FILE, Chosen
from ingot.evaluate.evidence.counted import COUNTED_FILE
from ingot.evaluate.evidence.scoring import SCORE_FILE
from ingot.flow.artifact import Artifact
from tests.evaluate.small_build import artifact

TEXT = "The lift is stuck again, and nobody has called the technician yet. " * 3
OWN_TEXTS, GENERAL_TEXTS = 40, 12
KINDS = ("cause", "cure")


def chosen() -> list[Chosen]:
    """Return texts to score, own ones of two labels and general ones of two kinds."""
    own = [
        Chosen(OWN, f"own-{number:02}", f"faq.csv:{number}", TEXT, label=KINDS[number % 2])
        for number in range(OWN_TEXTS)
    ]
    general = [
        Chosen(GENERAL, f"general-{number:02}", f"news/{number}.txt", TEXT, group="news" if number % 2 else "law")
        for number in range(GENERAL_TEXTS)
    ]
    return [*own, *general]


def score(folder: Path, own: Sequence[float], general: Sequence[float], seconds: float = 100.0) -> Artifact:
    """Return the score of an arm that needs so many bits per byte for each text."""
    size = len(TEXT.encode())
    labels = [number % 4 != 0 for number in range(20)]
    kept = {
        "bits": {OWN: [each * size for each in own], GENERAL: [each * size for each in general]},
        "labels": labels,
        "recited": [True, False, False, False],
        "recited_unseen": [False] * 4,
    }
    folder.mkdir(parents=True)
    (folder / SCORE_FILE).write_text(json.dumps(kept))
    training = {
        "processor_seconds": seconds,
        "seconds": 2 * seconds,
        "joules": 8 * seconds,
        "method": "estimated",
        "tokens": 1_000_000,
        "steps": 500,
        "parameters": 1_500_000,
    }
    answer = {"answer_bytes": 400, "processor_seconds": 0.25, "joules": 2.0, "method": "estimated"}
    return artifact(f"acme-{folder.name}", folder, {"training": training, "answer": answer})


def around(value: float, count: int = OWN_TEXTS, spread: float = 0.1) -> list[float]:
    """Return figures around a value that differ from text to text, the same for every arm."""
    return [value + spread * ((number * 7) % 5 - 2) for number in range(count)]


def inputs(folder: Path, arms: Mapping[str, tuple[float, float]], counted: float = 9.0) -> dict[str, Artifact]:
    """Return the inputs of the comparison: `arms` has bits per byte on own and general text, by the scores' names."""
    texts = folder / "texts"
    texts.mkdir(parents=True)
    (texts / TEXTS_FILE).write_text("".join(json.dumps(asdict(each)) + "\n" for each in chosen()))
    (folder / "counted").mkdir()
    words = {"bits": {}, "labels": [number % 5 != 0 for number in range(20)]}
    (folder / "counted" / COUNTED_FILE).write_text(json.dumps(words))
    told = {"overlapping": 3, "mean_overlap_13": 0.01}
    size = len(TEXT.encode())
    facts: dict[str, dict[str, Any]] = {
        "texts": {
            OWN: OWN_TEXTS,
            GENERAL: GENERAL_TEXTS,
            "own_bytes": OWN_TEXTS * size,
            "general_bytes": GENERAL_TEXTS * size,
            "own_held_out": told,
            "general_held_out": told,
        },
        "counted": {"zstd_bits_per_byte": counted + 1, "ngram_bits_per_byte": counted, "label_accuracy": 0.8},
        "dataset": {"documents_in": 100, "dropped_by_reason": {"near duplicate": 7}},
        "mix": {"own_share": 0.2},
        "plan": {},
        "courses": {
            "compute": {"steps": 500, "learning_rate": 0.004, "base_width": 256},
            "planned_seconds": 100.0,
            "bytes_per_token": {"own": 4.5, "borrowed": 3.2, "general": 3.5, "continued": 3.2, "mixed": 4.0},
        },
    }
    made = {name: artifact(f"acme-{name}", folder / name, each) for name, each in facts.items()}
    for name, (own, general) in arms.items():
        made[name] = score(
            folder / name, around(own), around(general, GENERAL_TEXTS), 110.0 if BYTES in name else 100.0
        )
    return made
