"""Personal data in a dataset: what the filter found in the texts as they are, and what the transform took out of them.

Filters see texts after the transforms, so what they count is what is still there: `personal_findings` in all, and
`personal_<family>` of each family of types. The transform leaves the type of each thing it replaced as its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ingot.data.report.changes import flattened
from ingot.data.report.masking import identifying, shape
from ingot.data.report.tables import SIZE, Part
from ingot.data.report.tally import Examples
from ingot.safety.detection import Detector, detectors, find
from ingot.safety.finding import Finding, without_overlaps
from ingot.safety.policy import Policy

PLUGIN = "personal_data"  # the name of both the filter and the transform
_PREFIX, _FINDINGS, _TYPES = "personal_", "personal_findings", "personal_types"
_READ_CHARACTERS = 100_000


@dataclass(frozen=True)
class Seen:
    """One finding as it may be shown: its type, its shape, how sure it is, and at which byte of its text it begins."""

    type: str
    shape: str
    confidence: float
    byte: int


@dataclass(frozen=True)
class Sum:
    """Documents with a kind of personal data, the bytes of their texts, and places in them."""

    documents: int = 0
    bytes: int = 0
    places: int = 0

    def plus(self, documents: int, size: int, places: int) -> Sum:
        """Return the sum with more added."""
        return Sum(self.documents + documents, self.bytes + size, self.places + places)


class Personal:
    """Gathers what was found and replaced by family; examples are rows of `doc_id`, `uri` and `path`."""

    def __init__(self) -> None:
        self.was_searched = False
        self.all = Sum()
        self.found: dict[str, Sum] = {}
        self.replaced: dict[str, Sum] = {}
        self.examples = Examples()

    def add(self, part: Part) -> None:
        """Count what is in the documents of one file, and what was."""
        self._add_replaced(part.rows)
        if _FINDINGS not in part.rows.column_names:
            return
        self.was_searched = True
        self.all = _with(self.all, part.rows, _FINDINGS)
        for name in filter(is_family, part.rows.column_names):
            family = name.removeprefix(_PREFIX)
            self.found[family] = _with(self.found.get(family, Sum()), part.rows, name)
            rows = part.rows.filter(_is_there(part.rows, name))
            self.examples.add(family, rows.select(["doc_id", "uri"]), path=part.path)

    def _add_replaced(self, rows: pa.Table) -> None:
        changes = flattened(rows["changes"])
        changes = changes.filter(pc.equal(changes["transform"], PLUGIN))
        families = pc.list_element(pc.split_pattern(changes["why"], ".", max_splits=1), 0)
        sums = [("document", "count_distinct"), ("document", "count"), ("before", "sum")]
        for row in changes.append_column("family", families).group_by("family").aggregate(sums).to_pylist():
            known = self.replaced.get(row["family"], Sum())
            more = (row["document_count_distinct"], row["before_sum"], row["document_count"])
            self.replaced[row["family"]] = known.plus(*more)

    @property
    def families(self) -> list[str]:
        """The families that are still there or were replaced, those with most documents first."""
        counted = [
            (-self.found.get(family, Sum()).documents, -self.replaced.get(family, Sum()).documents, family)
            for family in {*self.found, *self.replaced}
        ]
        return [family for there, replaced, family in sorted(counted) if there or replaced]


def is_family(column: str) -> bool:
    """Say whether a column counts one family of types."""
    return column.startswith(_PREFIX) and column not in (_FINDINGS, _TYPES)


def is_personal(column: str) -> bool:
    """Say whether a column is about personal data, which has a section of its own."""
    return column.startswith(_PREFIX)


def _is_there(rows: pa.Table, column: str) -> pa.ChunkedArray:
    return pc.greater(pc.fill_null(rows[column].cast(pa.float64()), 0.0), 0.0)


def _with(known: Sum, rows: pa.Table, column: str) -> Sum:
    sizes = rows[SIZE].filter(_is_there(rows, column))
    return known.plus(len(sizes), pc.sum(sizes).as_py() or 0, round(pc.sum(rows[column]).as_py() or 0))


@dataclass(frozen=True)
class Search:
    """How the filter of a dataset looked: the types that counted, the options of detectors, and how sure to be."""

    types: Sequence[str]
    detectors: Mapping[str, Mapping[str, Any]]
    least_confidence: float

    @property
    def families(self) -> list[str]:
        """The families that counted, sorted."""
        return sorted({kind.partition(".")[0] for kind in self.types})

    @cached_property
    def _chosen(self) -> list[Detector]:
        return detectors(self.detectors, self.types)

    def seen(self, text: str) -> dict[str, Seen]:
        """Return by family the surest finding in the beginning of a text, in its bare shape."""
        beginning = text[:_READ_CHARACTERS]
        counted = frozenset(self.types)
        found = [
            each
            for each in find(beginning, self._chosen)
            if each.confidence >= self.least_confidence and counted & {each.type, each.family}
        ]
        surest = sorted(without_overlaps(found), key=lambda each: (each.confidence, -each.start))
        return {each.family: _seen(each, beginning) for each in surest}


def _seen(finding: Finding, text: str) -> Seen:
    byte = len(text[: finding.start].encode("utf-8"))
    return Seen(finding.type, shape(text[finding.start : finding.end]), finding.confidence, byte)


def search_of(config: Mapping[str, Any]) -> Search:
    """Return how the filter looked, by the config of the dataset."""
    options = _options(config, "filters") or {}
    return Search(
        list(options.get("types") or identifying()),
        options.get("detectors", {}),
        float(options.get("least_confidence", 0.5)),
    )


def replacement(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the options of the transform, by the config of the dataset; None when it has none."""
    return _options(config, "transforms")


def action(options: Mapping[str, Any], family: str) -> str:
    """Return what the transform does with a family: keep, mask or pseudonym; "mixed" when its types differ."""
    actions = dict(options.get("actions", {}))
    policy = Policy(actions)
    kinds = {family, *(kind for kind in actions if kind.partition(".")[0] == family)}
    done = {policy.action(kind) for kind in kinds}
    return str(done.pop()) if len(done) == 1 else "mixed"


def _options(config: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    chosen = [choice for choice in config.get(kind, ()) if choice["name"] == PLUGIN]
    return chosen[0].get("options", {}) if chosen else None
