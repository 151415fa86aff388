"""The step indexes all tables that it is told to, gives the same bytes twice, and refuses what holds no text."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.core.tables import read_rows
from ingot.flow.step import StepContext
from ingot.retrieve.config import IndexConfig
from ingot.retrieve.run import index
from ingot.retrieve.search import open_index
from tests.evaluate.small_build import silent
from tests.retrieve.small_index import TEXTS, dataset, made


def test_facts_say_what_is_in_it_and_documents_keep_their_rights(tmp_path: Path) -> None:
    found = made(tmp_path)
    assert found.facts["documents"] == len(TEXTS) == found.facts["passages"]
    assert found.facts["bytes"] == sum(len(text.encode()) for text in TEXTS.values())
    assert found.facts["rankers"] == ["words"]
    rows = list(read_rows(found.path / "indexed.parquet"))
    assert [(row["uri"], row["licence"], row["access"]) for row in rows] == [(uri, "CC0", []) for uri in TEXTS]


def test_the_same_documents_give_the_same_files(tmp_path: Path) -> None:
    one, other = (made(tmp_path / name).path for name in ("one", "other"))
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files
    for name in files:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_tables_that_are_not_named_are_left_out(tmp_path: Path) -> None:
    place = tmp_path / "dataset"
    dataset(place, TEXTS)
    both = dataset(place, {"kept/aside.md": "Nobody trains on the lighthouse."}, "held_out")
    for tables, found in ((("train", "held_out"), 1), (("train",), 0)):
        out = tmp_path / "-".join(tables)
        out.mkdir()
        index(IndexConfig(tables=tables), {"dataset": both}, StepContext(out, tmp_path, 1, silent))
        assert len(open_index(out).search("lighthouse")) == found


def test_without_documents_there_is_no_index(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no documents to search"):
        made(tmp_path, tables=("held_out",))
    with pytest.raises(UsageError, match="passage_bytes"):
        IndexConfig(passage_bytes=3)
    with pytest.raises(UsageError, match="length_share"):
        IndexConfig(length_share=2.0)
