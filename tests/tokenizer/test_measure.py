"""The figures of a vocabulary, against what one can count by hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.tokenizer.codec import Codec
from ingot.tokenizer.measure import measure


def write(path: Path, rows: list[tuple[str, str]]) -> Path:
    texts, kinds = zip(*rows, strict=True)
    pq.write_table(pa.table({"text": list(texts), "media_type": list(kinds)}), path)
    return path


def test_figures_are_ratios_of_what_was_read(codec: Codec, tmp_path: Path, corpus: list[str]) -> None:
    code, foreign = corpus[1], "вода и воздух " * 20
    figures = measure(codec, write(tmp_path / "t.parquet", [(code, "text/x-python"), (foreign, "text/plain")]))
    sizes = [len(text.encode()) for text in (code, foreign)]
    counts = [len(codec.encode(text)) for text in (code, foreign)]
    assert figures["measured_bytes"] == sum(sizes)
    assert figures["bytes_per_token"] == pytest.approx(sum(sizes) / sum(counts), abs=1e-4)
    assert figures["tokens_per_word"] == pytest.approx(
        sum(counts) / (len(code.split()) + len(foreign.split())), abs=1e-4
    )
    by_kind = figures["bytes_per_token_by_kind"]
    assert by_kind["text/x-python"] == pytest.approx(sizes[0] / counts[0], abs=1e-3)
    assert by_kind["text/plain"] < by_kind["text/x-python"]
    assert figures["single_byte_share"] > 0


def test_only_about_the_bytes_asked_for_are_read(codec: Codec, tmp_path: Path) -> None:
    parquet = write(tmp_path / "t.parquet", [("words and words " * 10, "text/plain")] * 100)
    assert measure(codec, parquet, sample_bytes=1000)["measured_bytes"] == 1120


def test_nothing_to_read_gives_zeros(codec: Codec, tmp_path: Path) -> None:
    figures = measure(codec, write(tmp_path / "t.parquet", [("", "text/plain")]))
    assert figures["measured_bytes"] == 0
    assert figures["bytes_per_token"] == 0
