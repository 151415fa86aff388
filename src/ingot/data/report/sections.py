"""What each section of the page shows, as the names that its template asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ingot.core import charts
from ingot.core.storage import as_size
from ingot.core.tables import parts
from ingot.data.annotations import DEVIATIONS, LEAST_DOCUMENTS
from ingot.data.explore import TABLES
from ingot.data.judging import EXACT, NEAR
from ingot.data.report import attention, funnel, numbers, origin, personal, tables
from ingot.data.report.changes import Changes
from ingot.data.report.contents import Contents
from ingot.data.report.drops import Drops
from ingot.data.report.masking import masked
from ingot.data.report.origin import Origin
from ingot.data.report.personal import Personal
from ingot.data.report.quotes import openings, texts
from ingot.data.report.repeats import Repeats, places
from ingot.data.report.tally import Count, Tally
from ingot.flow.artifact import Artifact

_MOST_ROWS, _MOST_FAILURES, _MOST_STATISTICS, _MOST_ERASED, _MOST_TABLES = 12, 10, 60, 20, 20
_LONGEST_REASON, _LONGEST_CONFIG = 300, 20_000
_IN_WORDS = {
    EXACT: "word for word the same as an earlier document",
    NEAR: "almost the same as an earlier document",
}


_ACTIONS = {
    "keep": "kept by the recipe",
    "mask": "masked",
    "pseudonym": "replaced by pseudonyms",
    "mixed": "treated differently by type",
    "drop": "masked",
}


@dataclass
class Gathered:
    """What one pass over the dataset gathers."""

    drops: Drops
    files: Sequence[tuple[str, Path]]
    contents: Contents = field(default_factory=Contents)
    repeats: Repeats = field(default_factory=Repeats)
    changes: Changes = field(default_factory=Changes)
    personal: Personal = field(default_factory=Personal)

    @classmethod
    def of(cls, dataset: Artifact) -> Gathered:
        """Begin with nothing gathered."""
        files = [(table, path) for table in TABLES for path in parts(dataset.path, table)]
        return cls(Drops({str(rule["name"]): str(rule["column"]) for rule in _rules(dataset)}), files)

    def add(self, part: tables.Part) -> None:
        """Show one file to all who gather."""
        for each in (self.contents, self.drops, self.repeats, self.changes, self.personal):
            each.add(part)


def _rules(dataset: Artifact) -> Sequence[Mapping[str, Any]]:
    rules: Sequence[Mapping[str, Any]] = dataset.record.config.get("drop", ())
    return rules


def head(traced: Origin, gathered: Gathered, today: date) -> dict[str, Any]:
    """Name the dataset, count it, say what to look at first, and under which terms its documents stand."""
    record, found = traced.dataset.record, gathered.contents
    dates = origin.retention(found.described["retention"], today)
    terms = {"licence": "licence", "owner": "owner", "region": "region"}
    stated: dict[str, Tally] = {title: found.described[name] for title, name in terms.items()}
    stated["who may see it"] = found.access
    return {
        "record": record,
        "train": found.by_table["train"],
        "held_out": found.by_table["held_out"],
        "dropped": found.by_table["dropped"],
        "kept": found.kept,
        "stored": found.by_table.total,
        "sources": traced.sources,
        "most_sources": _MOST_TABLES,
        "counted": traced.counted,
        "attention": attention.sentences(traced, found, gathered.personal, gathered.repeats, dates),
        "terms": [(title, *first(tally)) for title, tally in stated.items() if _says_something(tally)],
        "unstated": [title for title, tally in stated.items() if not _says_something(tally)],
        "dates": dates[:_MOST_ROWS],
        "more_dates": len(dates) - _MOST_ROWS,
        "without_date": found.described["retention"][""],
        "soon_days": origin.SOON_DAYS,
    }


def _yes_or_no(tally: Tally) -> tuple[Sequence[tuple[str, Count]], int]:
    items, more = first(tally)
    return [({"true": "yes", "false": "no"}.get(word, word), count) for word, count in items], more


def _says_something(tally: Tally) -> bool:
    return any(word for word, _ in tally.items())


def first(tally: Tally) -> tuple[Sequence[tuple[str, Count]], int]:
    """Return the most frequent words and how many there are beyond them."""
    items = tally.items()
    return items[:_MOST_ROWS], max(len(items) - _MOST_ROWS, 0)


def losses(traced: Origin, gathered: Gathered) -> dict[str, Any]:
    """Show the funnel, the reasons of what was dropped with examples, and the files that could not be read."""
    tokens, drops = funnel.tokens_of(traced), gathered.drops
    shown, more = first(drops.reasons)
    rules = {str(rule["name"]): rule for rule in _rules(traced.dataset)}
    examples = [row for reason, _ in shown for row in drops.examples[reason]]
    repeated = places(gathered.files, {row["duplicate_of"] for row in examples if row["duplicate_of"]})
    return {
        "file_rows": funnel.files(traced),
        "document_rows": funnel.documents(traced, gathered.contents, drops.reasons, tokens),
        "tokens": tokens,
        "drops": [(reason, count, _why(reason, rules), _examples(drops, reason, rules)) for reason, count in shown],
        "more_drops": more,
        "openings": openings(examples),
        "originals": {doc_id: {"doc_id": doc_id, "uri": uri} for doc_id, (uri, *_) in repeated.items()},
        "failures": [_failure(each) for each in traced.failures[:_MOST_FAILURES]],
        "more_failures": max(len(traced.failures) - _MOST_FAILURES, 0),
        "read_bytes": int(traced.counted.get("bytes", 0)),
    }


def _why(reason: str, rules: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a reason in words: what it means, or what its rule says."""
    if reason not in rules:
        return _IN_WORDS.get(reason, "")
    limits = _filled({name: value for name, value in rules[reason].items() if name not in ("name", "column")})
    said = ", ".join(f"{name} {_words(value)}" for name, value in limits.items())
    return f"{rules[reason]['column']} {said}".replace("_", " ")


def _none(value: object) -> bool:
    return value is None or value in ([], (), {})


def _words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _examples(drops: Drops, reason: str, rules: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    column = str(rules[reason]["column"]) if reason in rules else ""
    label = numbers.label_of(column)
    return [
        {**row, "said": label(row["value"]) if isinstance(row["value"], int | float) else row["value"] or ""}
        for row in drops.examples[reason]
    ]


def _failure(failed: origin.Failed) -> origin.Failed:
    """Return it as it may be shown: messages of parsers may quote what they choked on."""
    files = [(uri, masked(why[:_LONGEST_REASON])) for uri, why in failed.files]
    return replace(failed, what=masked(failed.what[:_LONGEST_REASON]), fix=failed.fix[:_LONGEST_REASON], files=files)


def personal_data(traced: Origin, gathered: Gathered) -> dict[str, Any]:
    """Show what was found of personal data, in shapes, and what was taken out."""
    found, config = gathered.personal, traced.dataset.record.config
    search, replacement = personal.search_of(config), personal.replacement(config)
    families = found.families[:_MOST_ROWS]
    seen = {
        doc_id: search.seen(text)
        for doc_id, text in texts(row for family in families for row in found.examples[family])
    }
    return {
        "personal": found,
        "looked_for": search.families,
        "replacement": replacement,
        "families": [
            (
                family,
                found.found.get(family, personal.Sum()),
                found.replaced.get(family, personal.Sum()),
                _ACTIONS[personal.action(replacement or {}, family)] if replacement is not None else "",
                [
                    (row["doc_id"], _folder(row["uri"]), seen[row["doc_id"]][family])
                    for row in found.examples[family]
                    if family in seen[row["doc_id"]]
                ],
            )
            for family in families
        ],
        "more_families": max(len(found.families) - _MOST_ROWS, 0),
    }


def _folder(uri: str) -> str:
    """Names of files are more often personal than those of folders, and the id is enough to find one."""
    return uri.rpartition("/")[0]


def contents(gathered: Gathered) -> dict[str, Any]:
    """Show languages, parsers, media types and lengths."""
    found = gathered.contents
    lengths = found.sizes.astype(float)
    titles = {"language": "Language", "parser": "Read by", "media_type": "Media type"}
    chosen = {**found.annotated, **found.described}
    return {
        "tables_of_words": [(title, *first(chosen[name])) for name, title in titles.items() if name in chosen],
        "has_languages": "language" in chosen,
        "length_chart": _chart(numbers.drawn("bytes", lengths, as_size) if len(lengths) else None),
        "length_quantiles": [as_size(each) for each in numbers.quantiles(lengths)] if len(lengths) else [],
    }


def quality(traced: Origin, gathered: Gathered) -> dict[str, Any]:
    """Show what filters measured: what stands out, what published rules would refuse, how all of it is distributed."""
    found, facts = gathered.contents, traced.dataset.facts
    flagged = {
        column: numbers.Flagged(each["flag"], each["tail"], facts["thresholds"].get(each["flag"], {}))
        for column, each in facts.get("flagged_columns", {}).items()
    }
    measured = [
        numbers.measure(traced.dataset.path, column, flagged.get(column))
        for column in list(found.numeric)[:_MOST_STATISTICS]
    ]
    statistics = [each for each in measured if each is not None]
    same = [each for each in statistics if not each.drawn]
    by_flag = {each.flag: each for each in statistics if each.flag}
    words = {name: tally for name, tally in found.annotated.items() if name != "language"}
    words = dict(list(words.items())[: 2 * _MOST_TABLES])
    refusals = {name.removeprefix("passes_"): tally for name, tally in words.items() if name.startswith("passes_")}
    shown = {f"passes_{name}" for name in refusals} | {f"{name}_reason" for name in refusals}
    return {
        "statistics": [(each, _chart(each.drawn)) for each in statistics if each.drawn],
        "constants": [f"{each.column.replace('_', ' ')} ({each.label(each.quantiles[0])})" for each in same],
        "flags": [(flag, count, by_flag.get(flag)) for flag, count in found.flags.items()[:_MOST_TABLES]],
        "refusals": [(name, tally["false"], _reasons(words, name)) for name, tally in refusals.items()],
        "other_words": [(name, *_yes_or_no(tally)) for name, tally in words.items() if name not in shown],
        "deviations": DEVIATIONS,
        "least_documents": LEAST_DOCUMENTS,
    }


def _reasons(words: Mapping[str, Tally], name: str) -> list[tuple[str, Count]]:
    items = words[f"{name}_reason"].items() if f"{name}_reason" in words else []
    return [(word, count) for word, count in items if word][:6]


def _chart(drawn: charts.Histogram | None) -> str:
    return charts.histogram(drawn, "documents") if drawn else ""


def repeats(traced: Origin, gathered: Gathered) -> dict[str, Any]:
    """Show how much repeats, and the largest clusters."""
    found = gathered.repeats
    clusters = found.clusters(gathered.files)
    originals = [each.original for each in clusters if each.original]
    return {
        "exact": found.counted(exact=True),
        "near_dropped": found.counted(exact=False, dropped=True),
        "near_kept": found.counted(exact=False, dropped=False),
        "clusters": clusters,
        "first_words": openings({"doc_id": each.doc_id, "path": each.path} for each in originals),
        "similarity": traced.dataset.record.config.get("near", {}).get("similarity"),
    }


def record(traced: Origin, gathered: Gathered) -> dict[str, Any]:
    """Show what was changed and erased, what learned from the dataset, and how to make it again."""
    made, read = traced.dataset.record, traced.documents.record if traced.documents else None
    changes = [each for each in gathered.changes.items() if each.transform != personal.PLUGIN]
    erased = traced.erased
    transforms = [str(choice["name"]) for choice in made.config.get("transforms", ())]
    config = yaml.safe_dump(_filled(made.config), sort_keys=False, allow_unicode=True, width=100)
    return {
        "changes": changes[:_MOST_ROWS],
        "more_changes": max(len(changes) - _MOST_ROWS, 0),
        "transforms": transforms,
        "idle": [name for name in transforms if name not in {personal.PLUGIN, *(each.transform for each in changes)}],
        "erased": erased[:_MOST_ERASED],
        "more_erased": max(len(erased) - _MOST_ERASED, 0),
        "learned": traced.learned[:_MOST_ROWS],
        "more_learned": max(len(traced.learned) - _MOST_ROWS, 0),
        "config": config if len(config) <= _LONGEST_CONFIG else config[:_LONGEST_CONFIG] + "...",
        "command": traced.command,
        "documents_record": read,
        "made_from": [(each, made.input_fingerprints.get(name, "")) for name, each in sorted(made.inputs.items())],
        "documents_config": [(name, _words(value)) for name, value in _filled(read.config).items()] if read else [],
    }


def _filled(value: Any) -> Any:
    """Return a config without what is empty, which is what it is by default."""
    if isinstance(value, Mapping):
        return {str(name): _filled(each) for name, each in value.items() if not _none(each)}
    return [_filled(each) for each in value] if isinstance(value, list | tuple) else value
