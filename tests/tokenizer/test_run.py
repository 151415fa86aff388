"""The step, as the runner calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.config import Config
from ingot.tokenizer.run import train
from ingot.tokenizer.train import TOKENIZER_FILES


def dataset(folder: Path, texts: list[str], held_out: list[str]) -> dict[str, Artifact]:
    folder.mkdir()
    for split, rows in (("train", texts), ("held_out", held_out)):
        ids = [f"{split}-{number}" for number in range(len(rows))]
        table = pa.table({"doc_id": pa.array(ids, pa.string()), "text": pa.array(rows, pa.string())})
        pq.write_table(table, folder / f"{split}.parquet")
    return {"dataset": Artifact(path=folder, record=None)}  # type: ignore[arg-type]  # the step reads the folder only


def run(folder: Path, config: Config, inputs: dict[str, Artifact]) -> tuple[dict[str, Any], list[str]]:
    kinds: list[str] = []
    folder.mkdir()
    context = StepContext(folder=folder, scratch=folder, cores=1, emit=lambda kind, /, **_: kinds.append(kind))
    return dict(train(config, inputs, context)), kinds


def test_the_step_writes_a_tokenizer_and_says_what_it_is_worth(tmp_path: Path, corpus: list[str]) -> None:
    facts, kinds = run(tmp_path / "out", Config(vocabulary=768), dataset(tmp_path / "in", corpus[:1], corpus[1:]))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(TOKENIZER_FILES)
    assert facts["vocabulary"] == Codec.load(tmp_path / "out").vocabulary == 768
    assert facts["learned_fraction"] == 1.0
    assert facts["measured_bytes"] == len(corpus[1].encode())  # the held-out text, which was not learned from
    assert 1.5 < facts["bytes_per_token"] < 6
    assert "progress" in kinds
    json.dumps(facts)


def test_the_same_dataset_gives_the_same_files(tmp_path: Path, corpus: list[str]) -> None:
    inputs = dataset(tmp_path / "in", corpus, [])
    config = Config(vocabulary=512, sample_bytes=40_000)
    first, _ = run(tmp_path / "first", config, inputs)
    second, _ = run(tmp_path / "second", config, inputs)
    assert first == second
    assert 0 < first["learned_fraction"] < 1
    for name in TOKENIZER_FILES:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_a_dataset_without_training_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text to learn"):
        run(tmp_path / "out", Config(), dataset(tmp_path / "in", [], ["held out"]))
