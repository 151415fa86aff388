"""Personal data: recall and precision per type on `presidio_pii`, and speed beside Presidio's recognisers.

**What counts.** Every annotated span of the set counts, of every type. A span is found when findings of an accepted
type cover at least half of its characters; a finding is right when at least half of its characters lie in spans whose
type accepts it. Overlaps are resolved first, as a policy would, among findings of confidence 0.5 and more. The set
writes one postal address as several spans (number, street, flat, city, country, code), so address, place and postcode
accept one another; no other types do. Overall recall and precision are over all spans and all findings.

**Two halves.** The set is made from 209 templates. Templates, not texts, are split by hash, so that no sentence of the
first half occurs in the second. Detectors were developed on the errors of the first half; of the second, only totals
were looked at while developing. Every template had been seen once before, when the set was first read.

**Speed.** CPU-seconds of one thread over the same documents, the sides in one run, the best of as many rounds. Presidio
runs without a language model (see presidio_child) and so looks for no names, places and organisations: the goal is for
the detectors that have counterparts; everything that Ingot detects is told beside it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import sys
import time
import venv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.corpus import standard_library
from benchmarks.report import Figure, publish
from ingot.safety.detection import Detector, detectors, find
from ingot.safety.finding import Finding, without_overlaps

PEER = "presidio-analyzer==2.2.366"
SHARED = Path(__file__).parents[2] / "shared/data"
THRESHOLD = 0.5
# The types of the set, and the families of ours that are accepted for each.
ACCEPTED: dict[str, set[str]] = {
    "AGE": {"age"},
    "CREDIT_CARD": {"payment_card"},
    "DATE_TIME": {"date", "date_of_birth"},
    "DOMAIN_NAME": {"url"},
    "EMAIL_ADDRESS": {"email"},
    "GPE": {"address", "location", "postcode"},
    "IBAN_CODE": {"iban"},
    "IP_ADDRESS": {"ip_address"},
    "NRP": {"nationality"},
    "ORGANIZATION": {"organisation"},
    "PERSON": {"person"},
    "PHONE_NUMBER": {"phone"},
    "STREET_ADDRESS": {"address", "location", "postcode"},
    "TITLE": {"title", "occupation"},
    "US_DRIVER_LICENSE": {"document_number"},
    "US_SSN": {"national_id"},
    "ZIP_CODE": {"address", "location", "postcode"},
}
CHECKED = ("CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "PHONE_NUMBER", "US_SSN")
# Presidio's names for what both sides look for.
PRESIDIO = {
    "CREDIT_CARD": {"CREDIT_CARD"},
    "EMAIL_ADDRESS": {"EMAIL_ADDRESS"},
    "IBAN_CODE": {"IBAN_CODE"},
    "IP_ADDRESS": {"IP_ADDRESS"},
    "PHONE_NUMBER": {"PHONE_NUMBER"},
    "US_DRIVER_LICENSE": {"US_DRIVER_LICENSE"},
    "US_SSN": {"US_SSN"},
}
COUNTERPARTS = ["date", "document_number", "email", "iban", "ip_address", "national_id", "payment_card", "phone", "url"]
PIECES = (
    "a",
    "1 ",
    "a@",
    "www.",
    "John, ",
    "12 ",
    "Street 1 ",
    "A Inc. ",
    "Zug\n",
    "4111 1111 ",
    "eyJ",
    "1:",
    "Paris, ",
)
MEGABYTE = 1_000_000

Row = dict[str, Any]
Found = list[tuple[int, int, str]]  # start, end, family


@dataclass
class Score:
    """Counts per type: annotated and found spans; per family: findings and right ones."""

    spans: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def recall(self, types: Iterable[str]) -> float:
        """Return the share of annotated spans of these types that were found."""
        chosen = list(types)
        return sum(self.found[each] for each in chosen) / max(1, sum(self.spans[each] for each in chosen))

    def precision(self, families: Iterable[str]) -> float:
        """Return the share of findings of these families that are right."""
        chosen = list(families)
        return sum(self.right[each] for each in chosen) / max(1, sum(self.findings[each] for each in chosen))

    @property
    def f1(self) -> float:
        """The harmonic mean of recall over all spans and precision over all findings."""
        recall, precision = self.recall(self.spans), self.precision(self.findings)
        return 2 * recall * precision / (recall + precision)


def score(rows: Iterable[Row], sides: Callable[[Row], Found], accepted: Mapping[str, set[str]]) -> Score:
    """Compare findings with the annotated spans of these types."""
    counts = Score()
    for row in rows:
        found = sides(row)
        spans = [(each["start_position"], each["end_position"], each["entity_type"]) for each in row["spans"]]
        for start, end, kind in spans:
            if kind in accepted:
                covered = sum(_shared(start, end, a, b) for a, b, family in found if family in accepted[kind])
                counts.spans[kind] += 1
                counts.found[kind] += 2 * covered >= end - start
        for start, end, family in found:
            wanted = (span for span in spans if family in accepted.get(span[2], ()))
            counts.findings[family] += 1
            counts.right[family] += 2 * sum(_shared(start, end, a, b) for a, b, _ in wanted) >= end - start
    return counts


def _shared(start: int, end: int, other_start: int, other_end: int) -> int:
    return max(0, min(end, other_end) - max(start, other_start))


def is_first_half(row: Row) -> bool:
    """Say in which half a row's template lies."""
    return not hashlib.sha256(str(row["template_id"]).encode()).digest()[0] & 1


def ours(chosen: Sequence[Detector]) -> Callable[[Row], Found]:
    """Return what gives our findings of a row."""

    def found(row: Row) -> Found:
        sure = (each for each in find(row["full_text"], chosen) if each.confidence >= THRESHOLD)
        return [(each.start, each.end, each.family) for each in without_overlaps(sure)]

    return found


def theirs(rows: Sequence[Row], answers: Sequence[Sequence[Sequence[Any]]]) -> Callable[[Row], Found]:
    """Return what gives Presidio's findings of a row, overlaps resolved in the same way."""
    by_row = {id(row): answer for row, answer in zip(rows, answers, strict=True)}

    def found(row: Row) -> Found:
        known = {name for names in PRESIDIO.values() for name in names}
        sure = [Finding(a, b, kind, "presidio", s) for a, b, kind, s in by_row[id(row)] if kind in known]
        return [(each.start, each.end, each.type) for each in without_overlaps(sure)]

    return found


def documents(data: Path | None, characters: int) -> list[str]:
    """Return medical answers and contracts in equal parts where they are present, else sources of the library."""
    if data is None or not (data / "medquad").is_dir():
        return list(_until((path.read_text("utf-8") for path in sorted(standard_library().glob("*.py"))), characters))
    with (
        gzip.open(data / "medquad/medquad.jsonl.gz", "rt") as medical,
        gzip.open(data / "contracts/contracts.jsonl.gz", "rt") as legal,
    ):
        answers = (json.loads(line)["answer"] for line in medical)
        contracts = (json.loads(line)["text"] for line in legal)
        return [*_until(answers, characters // 2), *_until(contracts, characters // 2)]


def _until(texts: Iterable[str], characters: int) -> Iterator[str]:
    for text in texts:
        if characters <= 0:
            return
        yield text[:characters]
        characters -= len(text)


def seconds(texts: Sequence[str], chosen: Sequence[Detector], rounds: int) -> float:
    """Return the fewest CPU-seconds that finding everything in these texts took."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for text in texts:
            find(text, chosen)
        best = min(best, time.process_time() - began)
    return best


def growth(chosen: Sequence[Detector]) -> dict[str, tuple[float, float]]:
    """Return for each repeated piece the CPU-seconds of a megabyte, and how often those of a quarter they are."""
    costs = {}
    for piece in PIECES:
        quarter, whole = (piece * (size // len(piece)) for size in (MEGABYTE // 4, MEGABYTE))
        small, large = seconds([quarter], chosen, 1), seconds([whole], chosen, 1)
        costs[piece] = (large, large / small)
    return costs


def peer(folder: Path) -> Path:
    """Return the interpreter of Presidio's environment, made if it is not there."""
    python = folder / "bin/python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True, stdout=sys.stderr)
    return python


def ask_presidio(python: Path, speed: Sequence[str], rows: Sequence[Row], rounds: int) -> dict[str, Any]:
    """Run Presidio over the same texts, in a process of its own."""
    question = json.dumps({"speed": list(speed), "quality": [row["full_text"] for row in rows], "rounds": rounds})
    script = Path(__file__).with_name("presidio_child.py")
    answer = subprocess.run([python, script], input=question, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(answer.stdout)
    return told


def quality_figures(halves: Mapping[str, Score]) -> Iterator[Figure]:
    """Yield the figures of the goals, and recall and precision of every type over the whole set."""
    whole = halves["whole"]
    for name, counts in halves.items():
        goal = ">= .80" if name != "first half" else "developed on"
        yield Figure(f"F1 of all types, {name}", counts.f1, "share", goal, counts.f1 >= 0.8 if "80" in goal else None)
    for kind in sorted(ACCEPTED):
        recall, precision = whole.recall([kind]), whole.precision(ACCEPTED[kind])
        goal = ">= .95" if kind in CHECKED else "reported"
        yield Figure(f"{kind} recall", recall, "share", goal, recall >= 0.95 if kind in CHECKED else None)
        yield Figure(f"{kind} precision", precision, "share", goal, precision >= 0.95 if kind in CHECKED else None)


def speed_figures(speed: Sequence[str], rounds: int, answer: Mapping[str, Any] | None) -> Iterator[Figure]:
    """Yield megabytes of UTF-8 per CPU-second of all sides, and the ratios."""
    megabytes = sum(len(text.encode()) for text in speed) / MEGABYTE
    every, alike = detectors(), detectors(types=COUNTERPARTS)
    find(speed[0], every)
    rates = {name: megabytes / seconds(speed, chosen, rounds) for name, chosen in (("all", every), ("alike", alike))}
    yield Figure("all detectors, names included", rates["all"], "MB/CPU-s", "beside Presidio", None)
    yield Figure("detectors with a counterpart", rates["alike"], "MB/CPU-s", "beside Presidio", None)
    theirs_rate = megabytes / answer["cpu_seconds"] if answer else None
    yield Figure("Presidio's recognisers, no model", theirs_rate, "MB/CPU-s", "the other side", None)
    alike_ratio, all_ratio = (rates[name] / theirs_rate if theirs_rate else None for name in ("alike", "all"))
    holds = None if alike_ratio is None else alike_ratio >= 10
    yield Figure("detectors with a counterpart / Presidio", alike_ratio, "times", ">= 10", holds)
    yield Figure("all detectors / Presidio without names", all_ratio, "times", "beside it", None)


def peer_figures(rows: Sequence[Row], answer: Mapping[str, Any], chosen: Sequence[Detector]) -> Iterator[Figure]:
    """Yield the other side's F1 beside ours on the types that both look for."""
    shared = {kind: ACCEPTED[kind] for kind in PRESIDIO}
    families = {family for accepted in shared.values() for family in accepted}
    mine = score(rows, lambda row: [each for each in ours(chosen)(row) if each[2] in families], shared)
    other = score(rows, theirs(rows, answer["findings"]), PRESIDIO)
    yield Figure("F1 on types of both sides, Ingot", mine.f1, "share", "beside Presidio", None)
    yield Figure("F1 on types of both sides, Presidio", other.f1, "share", "the other side", None)


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the text, one round")
    parser.add_argument(
        "--data", type=Path, default=SHARED if SHARED.is_dir() else None, help="the folder of data sets"
    )
    cache = Path.home() / ".cache" / "ingot-benchmarks" / PEER.replace("==", "-")
    parser.add_argument("--peer", type=Path, default=cache, help="where Presidio's environment is or is made")
    parser.add_argument("--no-peer", action="store_true", help="leave the other side out")
    chosen = parser.parse_args()
    source = chosen.data / "presidio_pii/synth_dataset_v2.json" if chosen.data else None
    rows: list[Row] = json.loads(source.read_text("utf-8")) if source and source.exists() else []
    speed = documents(chosen.data, 60_000 if chosen.quick else 300_000)
    rounds = 1 if chosen.quick else 5
    answer = None if chosen.no_peer else ask_presidio(peer(chosen.peer), speed, rows, rounds)
    every = detectors()
    figures = list(speed_figures(speed, rounds, answer))
    parts = {"whole": rows, "first half": [*filter(is_first_half, rows)]}
    parts["second half"] = [row for row in rows if not is_first_half(row)]
    halves = {name: score(part, ours(every), ACCEPTED) for name, part in parts.items()} if rows else {}
    if rows:
        figures += quality_figures(halves)
        figures += peer_figures(rows, answer, every) if answer else ()
    else:
        figures.append(Figure("F1 of all types, whole", None, "share", ">= .80", None))
    costs = growth(every)
    worst, steepest = max(cost for cost, _ in costs.values()), max(ratio for _, ratio in costs.values())
    figures.append(Figure("1 MB of the worst repetition", worst, "CPU-s", "below a minute", worst < 60))
    figures.append(Figure("1 MB costs at most so often what 1/4 MB costs", steepest, "times", "<= 6", steepest <= 6))
    details = {
        "is_quick": chosen.quick,
        "peer": PEER if answer else "left out: " + ("asked for" if chosen.no_peer else "not there"),
        "recognisers": answer["recognisers"] if answer else [],
        "detectors": [each.plugin.name for each in every],
        "characters": sum(map(len, speed)),
        "text": "medquad and contracts" if chosen.data else "the standard library's sources",
        "texts": {name: len(part) for name, part in parts.items()},
        "per type": {name: _table(counts) for name, counts in halves.items()},
        "threshold": THRESHOLD,
        "repetition": {
            repr(piece): {"seconds": cost, "times a quarter": ratio} for piece, (cost, ratio) in costs.items()
        },
        "skipped": "" if rows else "presidio_pii is not there: give its folder with --data",
    }
    publish("data_personal", figures, details)


def _table(counts: Score) -> dict[str, Any]:
    recall = {
        kind: {"spans": counts.spans[kind], "recall": round(counts.recall([kind]), 4)} for kind in sorted(counts.spans)
    }
    precision = {
        family: {"findings": counts.findings[family], "precision": round(counts.precision([family]), 4)}
        for family in sorted(counts.findings)
    }
    overall = {
        "recall": round(counts.recall(counts.spans), 4),
        "precision": round(counts.precision(counts.findings), 4),
    }
    return {"overall": {**overall, "f1": round(counts.f1, 4)}, "annotated types": recall, "families found": precision}


if __name__ == "__main__":
    main()
