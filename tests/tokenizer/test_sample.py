"""The sample: bounded, repeatable, spread over the corpus."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.tokenizer.sample import sample_texts, share_of

TEXTS = [f"document {number}: " + "lorem ipsum dolor, sit amet. " * 1500 for number in range(60)]


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"doc_id": [f"{number:032x}" for number in range(60)], "text": TEXTS}), path)
    return path


def test_a_small_corpus_is_read_whole_and_in_order(parquet: Path) -> None:
    share = share_of(parquet, 1 << 30)
    assert (share.total_bytes, share.fraction) == (sum(map(len, TEXTS)), 1.0)
    assert "".join(sample_texts(parquet, share.fraction)) == "".join(TEXTS)


def test_a_large_corpus_gives_about_the_bytes_asked_for_from_all_over(parquet: Path) -> None:
    share = share_of(parquet, 800_000)
    chosen = list(sample_texts(parquet, share.fraction))
    assert sum(map(len, chosen)) == pytest.approx(800_000, rel=0.15)
    assert chosen == list(sample_texts(parquet, share.fraction))
    places = [place for place, text in enumerate(TEXTS) if any(piece in text for piece in chosen)]
    assert min(places) < 10
    assert max(places) > 50


def test_a_sample_holds_a_smaller_one(parquet: Path) -> None:
    assert set(sample_texts(parquet, 0.1)) <= set(sample_texts(parquet, 0.5))


def test_a_corpus_without_text_has_no_bytes(tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    pq.write_table(pa.table({"doc_id": pa.array([], pa.string()), "text": pa.array([], pa.string())}), path)
    assert share_of(path, 1000).total_bytes == 0
    assert list(sample_texts(path, 1.0)) == []
