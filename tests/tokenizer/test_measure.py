"""The figures of a vocabulary, against what one can count by hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.tokenizer.codec import Codec
from ingot.tokenizer.measure import compare, measure, openings, worth
from ingot.tokenizer.train import learn


def write(path: Path, rows: list[tuple[str, str]], **more: list[str]) -> Path:
    texts, kinds = zip(*rows, strict=True)
    pq.write_table(pa.table({"text": list(texts), "media_type": list(kinds), **more}), path)
    return path


def test_figures_are_ratios_of_what_was_read(codec: Codec, tmp_path: Path, corpus: list[str]) -> None:
    code, foreign = corpus[1], "вода и воздух " * 20
    figures = measure(codec, write(tmp_path / "t.parquet", [(code, "text/x-python"), (foreign, "text/plain")]))
    sizes = [len(text.encode()) for text in (code, foreign)]
    counts = [len(codec.encode(text)) for text in (code, foreign)]
    words = [len(text.split()) for text in (code, foreign)]
    assert figures["measured_bytes"] == sum(sizes)
    assert figures["bytes_per_token"] == pytest.approx(sum(sizes) / sum(counts), abs=1e-4)
    assert figures["tokens_per_word"] == pytest.approx(sum(counts) / sum(words), abs=1e-4)
    by_kind = figures["bytes_per_token_by_kind"]
    assert by_kind["text/x-python"] == pytest.approx(sizes[0] / counts[0], abs=1e-3)
    assert by_kind["text/plain"] < by_kind["text/x-python"]
    fragments = sum(
        len(codec.token_bytes(one)) == 1 and codec.token_bytes(one) > b"\x7f" for one in codec.encode(foreign)
    )
    assert figures["single_byte_share"] == pytest.approx(fragments / sum(counts), abs=1e-5)
    assert figures["by_language"]["Cyrillic"] == {
        "bytes": sizes[1],
        "bytes_per_token": pytest.approx(sizes[1] / counts[1], abs=1e-3),
        "tokens_per_word": pytest.approx(counts[1] / words[1], abs=1e-3),
    }


def test_parsers_and_stated_languages_are_told_apart(codec: Codec, tmp_path: Path) -> None:
    rows = [("the house and the garden", "text/plain"), ("das Haus und der Garten", "text/plain"), ("x = 1", "code")]
    more = {"parser": ["pdf", "pdf", "code"], "language": ["en", "de", ""]}
    figures = measure(codec, write(tmp_path / "t.parquet", rows, **more))
    assert set(figures["by_parser"]) == {"pdf", "code"}
    assert set(figures["by_language"]) == {"en", "de", "Latin"}
    assert figures["by_parser"]["pdf"]["bytes"] == sum(len(text) for text, _ in rows[:2])


def test_only_about_the_bytes_asked_for_are_read(codec: Codec, tmp_path: Path) -> None:
    parquet = write(tmp_path / "t.parquet", [("words and words " * 10, "text/plain")] * 100)
    assert measure(codec, parquet, sample_bytes=1000)["measured_bytes"] == 1120


def test_nothing_to_read_gives_zeros(codec: Codec, tmp_path: Path) -> None:
    figures = measure(codec, write(tmp_path / "t.parquet", [("", "text/plain")]))
    assert figures["measured_bytes"] == 0
    assert figures["bytes_per_token"] == 0
    assert figures["by_language"] == {}


def test_another_vocabulary_is_measured_on_the_same_text(codec: Codec, tmp_path: Path, corpus: list[str]) -> None:
    texts = list(openings(write(tmp_path / "t.parquet", [(corpus[0], "code"), ("слово <|eos|>", "text/plain")])))
    general = learn(["ordinary words of a general vocabulary"] * 3, 512)
    beside = compare(worth(codec, texts), general, texts)
    counts = [sum(len(one.encode(opening.text)) for opening in texts) for one in (codec, Codec(general))]
    assert beside["vocabulary"] == general.get_vocab_size()
    assert beside["saved"] == pytest.approx(1 - counts[0] / counts[1], abs=1e-4)
    assert beside["saved"] > 0.2
    assert set(beside["saved_by_language"]) == {"Latin", "Cyrillic"}
    assert compare(worth(codec, texts), codec.tokenizer, texts)["saved"] == 0
