"""The sample: bounded, repeatable, spread over the corpus, and balanced when asked."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.core.tables import parts
from ingot.tokenizer.sample import MOST_REPEATS, sample_texts, share_of

TEXTS = [f"document {number}: " + "lorem ipsum dolor, sit amet. " * 1500 for number in range(60)]


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"doc_id": [f"{number:032x}" for number in range(60)], "text": TEXTS}), path)
    return path


def test_a_small_corpus_is_read_whole_and_in_order(parquet: Path) -> None:
    share = share_of(parquet, 1 << 30)
    total = sum(map(len, TEXTS))
    assert (share.total_bytes, share.sample_bytes, share.fractions) == (total, total, {"": 1.0})
    assert "".join(sample_texts(parquet, share)) == "".join(TEXTS)


def test_a_large_corpus_gives_about_the_bytes_asked_for_from_all_over(parquet: Path) -> None:
    share = share_of(parquet, 800_000)
    chosen = list(sample_texts(parquet, share))
    assert sum(map(len, chosen)) == pytest.approx(800_000, rel=0.15)
    assert share.sample_bytes == pytest.approx(800_000, abs=1)
    assert chosen == list(sample_texts(parquet, share))
    places = [place for place, text in enumerate(TEXTS) if any(piece in text for piece in chosen)]
    assert min(places) < 10
    assert max(places) > 50


def test_a_sample_holds_a_smaller_one(parquet: Path) -> None:
    small, large = (set(sample_texts(parquet, share_of(parquet, size))) for size in (200_000, 1_000_000))
    assert small
    assert small < large


def test_shards_are_read_as_one_table(parquet: Path, tmp_path: Path) -> None:
    whole = pq.read_table(parquet)
    for number, part in enumerate((whole.slice(0, 25), whole.slice(25))):
        folder = tmp_path / "dataset" / "shards" / f"{number:05}"
        folder.mkdir(parents=True)
        pq.write_table(part, folder / "train.parquet")
    files = parts(tmp_path / "dataset", "train")
    assert len(files) == 2
    share = share_of(files, 500_000)
    assert share == share_of(parquet, 500_000)
    assert list(sample_texts(files, share)) == list(sample_texts(parquet, share))


def test_a_corpus_without_text_has_no_bytes(tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    pq.write_table(pa.table({"doc_id": pa.array([], pa.string()), "text": pa.array([], pa.string())}), path)
    for temperature in (1.0, 2.0):
        share = share_of(path, 1000, temperature)
        assert share.total_bytes == 0
        assert list(sample_texts(path, share)) == []


ENGLISH, GERMAN, RUSSIAN = "the quick brown fox, ", "der schnelle Fuchs, ", "быстрая лиса, "


@pytest.mark.parametrize("has_column", [True, False])
def test_a_temperature_gives_small_languages_more_than_their_share(tmp_path: Path, has_column: bool) -> None:
    texts = [ENGLISH * 2000] * 90 + [GERMAN * 2000] * 9 + [RUSSIAN * 2000]
    columns = {"doc_id": [f"{number:032x}" for number in range(100)], "text": texts}
    if has_column:
        columns["language"] = ["en"] * 90 + ["de"] * 9 + ["ru"]
    path = tmp_path / "languages.parquet"
    pq.write_table(pa.table(columns), path)
    shares: list[float] = []
    for temperature in (1.0, 2.0, 3.0):
        share = share_of(path, 1_000_000, temperature)
        chosen = "".join(sample_texts(path, share))
        assert len(chosen.encode()) == pytest.approx(share.sample_bytes, rel=0.2)
        shares.append(chosen.count(RUSSIAN) / (chosen.count(ENGLISH) + chosen.count(GERMAN)))
        if temperature > 1:
            assert sorted(share.fractions) == (["de", "en", "ru"] if has_column else ["Cyrillic", "Latin"])
            assert max(share.fractions.values()) <= MOST_REPEATS
    assert shares[0] < 0.03
    assert shares[0] < shares[1] < shares[2]


def test_a_tiny_language_is_repeated_a_few_times_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "tiny.parquet"
    texts = [ENGLISH * 1000] * 50 + [RUSSIAN]
    pq.write_table(pa.table({"doc_id": [f"{number:032x}" for number in range(51)], "text": texts}), path)
    share = share_of(path, 1 << 30, temperature=4.0)
    assert share.fractions["Cyrillic"] == MOST_REPEATS
    assert list(sample_texts(path, share)).count(RUSSIAN) == MOST_REPEATS
