"""Where a dataset comes from: the artifacts around it, its sources, the terms its documents stand under."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ingot.data.reading import FAILURES_FILE
from ingot.data.report.tally import EXAMPLES, Count, Tally
from ingot.data.tombstones import Tombstone, tombstones
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.lineage import descendants

SOON_DAYS = 90
_LEARNED = ("Tokenizer", "Checkpoint", "Model", "Report")


@dataclass(frozen=True)
class Source:
    """One source as it was when the documents were read; `vanished` is None where that was not recorded."""

    name: str
    connector: str
    items: int
    bytes: int
    skipped: int
    vanished: int | None
    digest: str


@dataclass(frozen=True)
class Failed:
    """Files with the same thing the matter: how many, and the first, each with what is said of it alone."""

    what: str
    fix: str
    count: int
    files: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Origin:
    """A dataset, the documents it was made from (None when they are gone), its newest shards, what learned from it."""

    dataset: Artifact
    documents: Artifact | None
    shards: Artifact | None
    learned: Sequence[Artifact]
    command: str

    @property
    def sources(self) -> list[Source]:
        """The sources of the documents, by name."""
        recorded = self.documents.record.sources if self.documents else {}
        return [_source(name, entry) for name, entry in sorted(recorded.items())]

    @property
    def erased(self) -> list[Tombstone]:
        """What was erased from the dataset since, oldest first."""
        return tombstones(self.dataset.path)

    @property
    def counted(self) -> Mapping[str, Any]:
        """The facts of the documents; none when they are gone."""
        return self.documents.facts if self.documents else {}

    @property
    def failures(self) -> list[Failed]:
        """Return the files that could not be read, by what was the matter, most files first."""
        counts: Counter[tuple[str, str]] = Counter()
        files: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for line in _lines(self.documents) if self.documents else ():
            what, _, why = str(line.get("reason") or "").partition(": ")
            key = what, str(line.get("fix") or "")
            counts[key] += 1
            if len(files.setdefault(key, [])) < EXAMPLES:
                files[key].append((str(line["uri"]), why))
        return [Failed(*key, count, files[key]) for key, count in counts.most_common()]


def trace(home: Home, dataset: Artifact) -> Origin:
    """Find the artifacts around a dataset in its home."""
    everything = list(home.all())
    by_reference = {artifact.reference: artifact for artifact in everything}
    made = descendants(dataset, everything)
    shards = [each for each in made if each.kind == "Shards" and dataset.reference in each.record.inputs.values()]
    return Origin(
        dataset,
        by_reference.get(dataset.record.inputs.get("documents", "")),
        max(shards, key=lambda each: each.record.finished, default=None),
        [each for each in made if each.kind in _LEARNED],
        _command(home, dataset),
    )


def _command(home: Home, dataset: Artifact) -> str:
    path = home.runs_path / dataset.record.run_id / "run.json"
    if not dataset.record.run_id or not path.is_file():
        return ""
    return str(json.loads(path.read_text(encoding="utf-8")).get("command", ""))


def _source(name: str, entry: Mapping[str, Any]) -> Source:
    vanished = entry.get("vanished")
    return Source(
        *(name, str(entry["connector"]), int(entry["items"]), int(entry["bytes"]), int(entry.get("skipped", 0))),
        *(None if vanished is None else int(vanished), str(entry["digest"])),
    )


def _lines(documents: Artifact) -> Iterator[dict[str, Any]]:
    path = documents.path / FAILURES_FILE
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            yield from (json.loads(line) for line in file if line.strip())


@dataclass(frozen=True)
class Retention:
    """Documents that may be kept until a day; `state` is passed, soon, later or unclear (no date)."""

    until: str
    state: str
    count: Count


def retention(tally: Tally, today: date) -> list[Retention]:
    """Return the retention dates of documents, what ends first first; documents without one are left out."""
    found = [Retention(word, _state(word, today), count) for word, count in tally.items() if word]
    return sorted(found, key=lambda each: (each.state == "unclear", each.until))


def _state(until: str, today: date) -> str:
    try:
        days = (date.fromisoformat(until[:10]) - today).days
    except ValueError:
        return "unclear"
    return "passed" if days < 0 else "soon" if days <= SOON_DAYS else "later"


def day(moment: str) -> str:
    """Return a time of a record for people.

    >>> day("2026-01-02T03:04:05+00:00")
    '2 January 2026 at 03:04 UTC'
    """
    when = datetime.fromisoformat(moment)
    return f"{when.day} {when:%B %Y} at {when:%H:%M} UTC"
