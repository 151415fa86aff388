from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.core.tables import parts, read_rows
from ingot.data.connectors import folder
from ingot.evaluate.evidence.config import GatherConfig
from ingot.evaluate.evidence.gathering import gather, read_questions
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from tests.evaluate.small_build import silent

ROWS = [
    {"question": "Who mends it?", "answer": "The technician.", "about": "Lift", "kind": "who"},
    {"question": "When?", "answer": "On Monday.", "about": "lift ", "kind": "when"},
    {"question": "Where is it?", "answer": "In the hall.", "about": "Printer", "kind": "where"},
]
COLUMNS = GatherConfig(group="about", label="kind")


def gathered(
    place: Path, rows: list[dict[str, Any]], config: GatherConfig, inputs: Mapping[str, Artifact] | None = None
) -> tuple[Path, Mapping[str, Any]]:
    path = place / "faq.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = place / "out"
    out.mkdir()
    sources = {"questions": folder.Connector(folder.Config(paths=(str(path),))).snapshot()}
    return out, gather(config, inputs or {}, StepContext(out, place, 1, silent, sources))


def test_rows_become_documents_whose_group_is_their_parent(tmp_path: Path) -> None:
    out, facts = gathered(tmp_path, ROWS, COLUMNS)
    rows = list(read_rows(parts(out, "documents"), ("doc_id", "parent_id", "uri", "text")))
    assert rows[0]["text"] == "Who mends it?\nThe technician."
    assert rows[0]["parent_id"] == rows[1]["parent_id"] != rows[2]["parent_id"]
    assert rows[0]["uri"].endswith("faq.jsonl:1")
    questions = list(read_questions(out))
    assert [each.doc_id for each in questions] == [row["doc_id"] for row in rows]
    assert [each.label for each in questions] == ["who", "when", "where"]
    assert (facts["documents"], facts["questions"], facts["failed"]) == (3, 3, 0)
    assert facts["labels"] == ["when", "where", "who"]


def test_documents_come_first(tmp_path: Path, made: Mapping[str, Artifact]) -> None:
    out, facts = gathered(tmp_path, ROWS, COLUMNS, {"documents": made["documents"]})
    before = made["documents"].facts["documents"]
    assert facts["documents"] == before + 3
    assert len(list(read_rows(parts(out, "documents")))) == before + 3
    assert len(parts(out, "documents")) == 2


def test_rows_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2 rows have no question with its answer") as error:
        gathered(tmp_path, [*ROWS, {"question": "Why?"}, {"answer": " ", "question": "How?"}], GatherConfig())
    assert "faq.jsonl:4: answer is missing" in str(error.value)
    assert "--bad-rows skip" in str(error.value)


def test_they_are_skipped_when_asked(tmp_path: Path) -> None:
    _, facts = gathered(tmp_path, [*ROWS, {"question": "Why?"}], GatherConfig(bad_rows="skip"))
    assert (facts["questions"], facts["failed"]) == (3, 1)


def test_a_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="3 rows") as error:
        gathered(tmp_path, ROWS, GatherConfig(group="topic"))
    assert "there are question, answer, about, kind" in str(error.value)
