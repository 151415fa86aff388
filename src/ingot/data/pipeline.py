"""Curation: documents in, a dataset to train and to judge a model on out, shard by shard.

1. survey:   what some transforms must know of the whole corpus first;
2. annotate: every document's statistics, findings, fingerprint and sketch, and the changes transforms make in it;
3. judge:    once for all: what repeats what, what the recipe's rules drop, what is held out, what is unusual;
4. write:    every document to train, held_out or dropped, with all that is known about it and the reason.

The shards are pieces of work of their own: a killed run goes on with those that are not done, and any number of
workers, here or on a cluster, gives the same bytes. Only exact repeats are dropped unless the recipe says otherwise.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ingot.core.config import literals
from ingot.core.storage import remove_tree, sha256_file, write_atomically
from ingot.core.tables import SHARDS_FOLDER, count_rows, parts
from ingot.data import judging
from ingot.data.annotating import ANNOTATIONS, annotate_shard
from ingot.data.config import CurateConfig
from ingot.data.reading import DOCUMENTS
from ingot.data.transforming import SURVEY_FILE, choose, survey_shard
from ingot.data.writing import TABLES, summed, write_shard
from ingot.flow.step import StepContext
from ingot.flow.tasks import Task

MANIFEST_FILE = "manifest.json"
_FACTS = "facts"
_UNFINISHED = "unfinished"  # annotations and verdicts, gone when the dataset is whole


@dataclass(frozen=True)
class _Work:
    """The shards to curate and everything the pieces of work need to know."""

    files: Sequence[Path]
    config: CurateConfig
    inputs: Mapping[str, str]
    context: StepContext

    @property
    def folder(self) -> Path:
        folder = self.context.folder / _UNFINISHED
        folder.mkdir(exist_ok=True)
        return folder

    def run(self, function: Any, out: Path, requests: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Do one piece of work a shard; documents are added to each request."""
        tasks = [
            Task(file.parent.name, {"documents": str(file), **request}, file.stat().st_size)
            for file, request in zip(self.files, requests, strict=True)
        ]
        return self.context.tasks.run(f"{function.__module__}:{function.__name__}", tasks, out)

    def same(self, request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return one request for every shard."""
        return [request] * len(self.files)


def curate_documents(
    documents: Path, config: CurateConfig, context: StepContext, inputs: Mapping[str, Path] | None = None
) -> dict[str, Any]:
    """Turn the documents of an artifact into a dataset in `context.folder` and return the facts.

    `inputs` are folders of other artifacts that filters ask for by name. Raises InputError when there is less text
    than anything can be learned from.
    """
    named = {name: str(path) for name, path in (inputs or {}).items()}
    # A shard none of whose files could be read, or whose documents were all erased, has nothing to curate.
    files = [path for path in parts(documents, DOCUMENTS) if count_rows(path)]
    if not files:
        judging.require_enough(0, max(1, config.least_bytes))
    work = _Work(files, config, named, context)
    if (facts := _facts_of(context.folder)) is None:
        facts = _make(work)
        # From here on the dataset is whole, and a killed run needs nothing of what goes next.
        described = {**manifest(context.folder), _FACTS: facts}
        write_atomically(context.folder / MANIFEST_FILE, json.dumps(described, indent=1) + "\n")
    remove_tree(work.folder)
    return facts


def _make(work: _Work) -> dict[str, Any]:
    states = survey(work)
    kinds = annotate(work, states)
    measured = judging.load(parts(work.folder / ANNOTATIONS, ANNOTATIONS), kinds)
    verdict = judging.judge_all(measured, work.config)
    written = write(work, verdict, measured)
    return _facts(written, measured, verdict)


def _facts_of(dataset: Path) -> dict[str, Any] | None:
    """Return the facts of a dataset that is whole."""
    try:
        facts: dict[str, Any] = json.loads((dataset / MANIFEST_FILE).read_text(encoding="utf-8"))[_FACTS]
    except (OSError, ValueError, KeyError):
        return None
    return facts


def survey(work: _Work) -> dict[str, str]:
    """Make the states of the transforms that need one: Parquet files by the transforms' places in the recipe."""
    choices = [literals(choice) for choice in work.config.transforms]
    states: dict[str, str] = {}
    for place, choice in enumerate(choices):
        transform = choose([choice], {})[0]
        if not transform.plugin.surveys:
            continue
        out = work.folder / f"survey-{place}"
        work.run(survey_shard, out / SHARDS_FOLDER, work.same({"transforms": choices[: place + 1], "states": states}))
        files = sorted((out / SHARDS_FOLDER).glob(f"*/{SURVEY_FILE}"))
        if files:
            pq.write_table(transform.plugin.merge(map(pq.read_table, files)), out / SURVEY_FILE, compression="zstd")
            states = {**states, str(place): str(out / SURVEY_FILE)}
    return states


def annotate(work: _Work, states: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
    """Annotate every shard; return the meaning of the columns."""
    chosen = literals(work.config)
    request = {name: chosen[name] for name in ("transforms", "filters")}
    facts = work.run(
        annotate_shard,
        work.folder / ANNOTATIONS / SHARDS_FOLDER,
        work.same({**request, "states": dict(states), "inputs": dict(work.inputs)}),
    )
    return next((each["annotations"] for each in facts if each["annotations"]), [])


def write(work: _Work, verdict: judging.Verdict, measured: judging.Measured) -> list[Mapping[str, Any]]:
    """Write every shard of the dataset."""
    verdicts = judging.write_verdicts(verdict, measured, work.folder / judging.VERDICTS)
    annotations = parts(work.folder / ANNOTATIONS, ANNOTATIONS)
    requests = [
        {"annotations": str(one), "verdict": str(other), "digest": sha256_file(other)}
        for one, other in zip(annotations, verdicts, strict=True)
    ]
    return work.run(write_shard, work.context.folder / SHARDS_FOLDER, requests)


def manifest(dataset: Path) -> dict[str, Any]:
    """Describe every file of a dataset: SHA-256, bytes, rows. The names are relative to its folder."""
    files = [path for table in TABLES for path in parts(dataset, table)]
    return {
        "format": 1,
        "files": {
            path.relative_to(dataset).as_posix(): {
                "sha256": sha256_file(path),
                "bytes": path.stat().st_size,
                "rows": pq.read_metadata(path).num_rows,
            }
            for path in sorted(files)
        },
    }


def _facts(
    written: Sequence[Mapping[str, Any]], measured: judging.Measured, verdict: judging.Verdict
) -> dict[str, Any]:
    rows, sizes = summed(written, "rows"), summed(written, "bytes")
    is_cut = judging.CUT in verdict.goes_to
    repeats = sum(first != number for number, first in enumerate(verdict.repeats.tolist()))
    total = len(measured.sizes)
    return {
        "documents_in": total,
        "documents_kept": total - rows[judging.DROPPED],
        "dropped_by_reason": summed(written, "dropped"),
        "dropped_bytes": sizes[judging.DROPPED],
        "train_documents": rows[judging.TRAIN],
        "train_bytes": sizes[judging.TRAIN],
        "held_out_documents": rows[judging.HELD_OUT],
        "held_out_bytes": sizes[judging.HELD_OUT],
        "held_out_by": "end of the longest document" if is_cut else "document",
        "repeating_documents": repeats,
        "shards": len(measured.shards),
        "flags": dict(sorted(Counter(flag for flags in verdict.judged.flags for flag in flags).items())),
        "thresholds": verdict.judged.thresholds,
        "flagged_columns": {
            kind["column"]: {"flag": kind["flag"], "tail": kind["tail"]} for kind in measured.kinds if kind["flag"]
        },
    }
