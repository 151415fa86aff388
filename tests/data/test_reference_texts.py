"""Documents and datasets are read alike; a sample depends on nothing but ids and sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.data.reference_texts import read_texts, sample_texts
from tests.data.reference_sets import LEASE, artifact, sentences


def test_documents_and_datasets(tmp_path: Path) -> None:
    texts = sentences(LEASE, 6)
    for table in ("documents", "train"):
        made = artifact(tmp_path / table, texts, table)
        assert [text for _, text in read_texts(made.path)] == texts


def test_what_holds_no_documents(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no documents"):
        list(read_texts(tmp_path))


def test_a_sample_is_bounded_and_always_the_same(tmp_path: Path) -> None:
    texts = sentences(LEASE, 60)
    made = artifact(tmp_path / "documents", texts)
    some = list(sample_texts([made.path], 2000))
    assert 0 < sum(len(text.encode()) for _, text in some) <= 2000
    assert some == list(sample_texts([made.path], 2000))
    assert set(some) < set(sample_texts([made.path], 4000))
    assert len(list(sample_texts([made.path], 1 << 30))) == 60
    assert len(list(sample_texts([made.path], 1))) == 1
