"""An index is asked; what it found is kept for every question, and documents count by name or by what they hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.evaluate.asking import answered
from ingot.evaluate.config import AskConfig, FindConfig
from ingot.evaluate.retrieving import find
from ingot.evaluate.task import Asking, Choice, Item, Search, Task, read_task, write_task
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.retrieve.search import open_index
from tests.evaluate.small_build import artifact, silent
from tests.retrieve.small_index import made as made_index

ITEMS = [
    Search("end", "When does the lease end?", ("end.md",), group="leases"),
    Search("rent", "On which day is rent due?", ("leases/rent.md",), group="leases"),
    Search("bees", "Are bees visitors?", texts=("bees are  NOT visitors",), group="visits"),
    Search("both", "bees", ("visits/hours.md", "leases/end.md"), group="visits"),
]


def asked(
    tmp_path: Path, items: Sequence[Item], reader: Artifact | None = None, **config: Any
) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    place, out = tmp_path / "task", tmp_path / "evaluation"
    place.mkdir()
    out.mkdir()
    write_task(place, Task("retrieval", 1, Asking(), tuple(items)))
    assert read_task(place).items == tuple(items)
    inputs = {"model": made_index(tmp_path), "task": artifact("acme-task", place, {})}
    inputs |= {"reader": reader} if reader else {}
    facts = find(FindConfig(resamples=50, **config), inputs, StepContext(out, tmp_path, 1, silent))
    lines = (out / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return facts, [json.loads(line) for line in lines]


def test_what_is_found_is_scored_and_kept(tmp_path: Path) -> None:
    facts, results = asked(tmp_path, ITEMS)
    assert facts["metrics"]["recall_at_10"] == {
        "value": 1.0,
        "low": pytest.approx(0.51, abs=0.01),
        "high": 1,
        "items": 4,
    }
    assert [(each["id"], each["answer"]) for each in results[:2]] == [
        ("end", "leases/end.md"),
        ("rent", "leases/rent.md"),
    ]
    assert all(each["scores"]["reciprocal_rank_at_10"] == 1 for each in results)
    assert (facts["missing"], facts["rankers"]) == (0, ["words"])


def test_the_depth_is_how_many_documents_count(tmp_path: Path) -> None:
    _, results = asked(tmp_path, ITEMS, depth=1)
    assert results[3]["scores"] == {"recall_at_1": 0.5, "ndcg_at_1": 1.0, "reciprocal_rank_at_1": 1.0}
    with pytest.raises(UsageError, match="depth"):
        FindConfig(depth=0)


def test_a_document_that_is_not_there_is_told_and_counts_as_not_found(tmp_path: Path) -> None:
    facts, results = asked(tmp_path, [*ITEMS, Search("gone", "When does the lease end?", ("gone.md",))])
    assert facts["missing"] == 1
    assert results[-1]["scores"]["recall_at_10"] == 0


def test_questions_about_other_documents_are_refused(tmp_path: Path) -> None:
    # `nd.md` is no whole name: `end.md` ends in it.
    with pytest.raises(InputError, match="no document that these questions name"):
        asked(tmp_path, [Search("gone", "When?", ("nd.md",))])


def test_a_task_for_a_model_and_one_for_an_index_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="asks a model"):
        asked(tmp_path, [Choice("one", "A", ("b", "c"), (0,))])
    with pytest.raises(InputError, match="which a model cannot say"):
        answered(tmp_path, ITEMS, Asking(), AskConfig(), StepContext(tmp_path, tmp_path, 1, silent))


def test_a_reader_has_its_say(tmp_path: Path, made: Mapping[str, Artifact]) -> None:
    facts, results = asked(tmp_path, ITEMS, made["checkpoint"])
    assert facts["rankers"] == ["words", "reader"]
    assert facts["metrics"]["recall_at_10"]["value"] == 1  # another order of the same documents
    assert len(results) == len(ITEMS)


def test_an_index_says_the_text_of_a_document(tmp_path: Path) -> None:
    index = open_index(made_index(tmp_path, passage_bytes=64).path)
    best = index.search("bees", 1)[0]
    assert best.text in index.document_text(best.doc_id)
