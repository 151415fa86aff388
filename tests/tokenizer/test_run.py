"""The step, as the runner calls it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.config import Config, CutConfig
from ingot.tokenizer.run import BASE, GENERAL, cut, train
from ingot.tokenizer.train import TOKENIZER_FILES


def dataset(folder: Path, texts: list[str], held_out: list[str]) -> dict[str, Artifact]:
    shard = folder / "shards" / "00000"
    shard.mkdir(parents=True)
    for split, rows in (("train", texts), ("held_out", held_out)):
        ids = [f"{split}-{number}" for number in range(len(rows))]
        table = pa.table({"doc_id": pa.array(ids, pa.string()), "text": pa.array(rows, pa.string())})
        pq.write_table(table, shard / f"{split}.parquet")
    return {"dataset": Artifact(path=folder, record=None)}


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


def with_tokenizer(inputs: dict[str, Artifact], name: str, folder: Path) -> dict[str, Artifact]:
    return {**inputs, name: Artifact(path=folder, record=None)}


def test_the_facts_tell_languages_sizes_and_what_others_do(tmp_path: Path, corpus: list[str]) -> None:
    inputs = dataset(tmp_path / "in", [*corpus, "слово за слово " * 50], [corpus[0][:5000], "ещё слово " * 20])
    facts, _ = run(tmp_path / "out", Config(vocabulary=1024, temperature=2.0, terms=("AST-1",)), inputs)
    assert set(facts["by_language"]) == {"Latin", "Cyrillic"}
    assert set(facts["learned_fraction_by_language"]) == {"Latin", "Cyrillic"}
    assert [size["vocabulary"] for size in facts["bytes_per_token_by_vocabulary"]] == [512, 1024]
    assert facts["bytes_per_token_by_vocabulary"][-1]["bytes_per_token"] == facts["bytes_per_token"]
    assert facts["published"]["bytes_per_token"]["GPT-2"]["Python"] == 2.19
    assert facts["beside"] == {}
    assert facts["terms"] == 1
    assert facts["splitting"] == "qwen2"
    json.dumps(facts)


def test_the_size_is_chosen_for_the_model(tmp_path: Path, corpus: list[str]) -> None:
    inputs = dataset(tmp_path / "in", corpus, corpus)
    sizes = []
    for number, layers in enumerate((10_000, 1_000_000_000)):
        config = Config(vocabulary=2048, width=256, layer_parameters=layers, terms=("AST-1",))
        facts, _ = run(tmp_path / f"out{number}", config, inputs)
        codec = Codec.load(tmp_path / f"out{number}")
        assert codec.vocabulary == facts["vocabulary"]
        assert codec.terms == ("AST-1",)
        sizes.append(facts["vocabulary"])
    assert sizes == [512, 2048]


def test_a_base_is_extended_and_compared_with(tmp_path: Path, corpus: list[str]) -> None:
    german = ["Die Hauptversammlung beschließt über die Verwendung des Bilanzgewinns.\n" * 20]
    run(tmp_path / "base", Config(vocabulary=512), dataset(tmp_path / "first", corpus, []))
    inputs = with_tokenizer(dataset(tmp_path / "second", german, german), BASE, tmp_path / "base")
    facts, _ = run(tmp_path / "out", Config(vocabulary=768), inputs)
    old, new = Codec.load(tmp_path / "base"), Codec.load(tmp_path / "out")
    assert new.vocabulary > old.vocabulary == facts["beside"]["vocabulary"]
    assert [new.token_bytes(row) for row in range(512)] == [old.token_bytes(row) for row in range(512)]
    assert facts["beside"]["saved"] > 0.5
    assert facts["beside"]["saved_by_language"] == {"Latin": facts["beside"]["saved"]}


def test_a_general_vocabulary_is_measured_on_the_same_text(tmp_path: Path, corpus: list[str]) -> None:
    run(tmp_path / "general", Config(vocabulary=512), dataset(tmp_path / "first", ["words of everyday"] * 3, []))
    inputs = with_tokenizer(dataset(tmp_path / "second", corpus, corpus), GENERAL, tmp_path / "general")
    facts, _ = run(tmp_path / "out", Config(vocabulary=1024), inputs)
    assert facts["beside"]["bytes_per_token"] < facts["bytes_per_token"]


def test_a_base_takes_terms_though_no_room_is_left(tmp_path: Path, corpus: list[str]) -> None:
    run(tmp_path / "base", Config(vocabulary=512), dataset(tmp_path / "first", corpus, []))
    inputs = with_tokenizer(dataset(tmp_path / "second", corpus, corpus), BASE, tmp_path / "base")
    facts, _ = run(tmp_path / "out", Config(vocabulary=320, terms=("XK-4711",)), inputs)
    old, new = Codec.load(tmp_path / "base"), Codec.load(tmp_path / "out")
    assert (facts["vocabulary"], new.terms) == (576, ("XK-4711",))
    assert new.encode("as ever") == old.encode("as ever")
    assert len(new.encode("XK-4711")) == 1
    with pytest.raises(InputError, match="cannot be chosen"):
        run(tmp_path / "chosen", Config(vocabulary=1024, width=64, layer_parameters=1000), inputs)


def test_a_smaller_vocabulary_is_cut_from_a_larger_one(tmp_path: Path, corpus: list[str]) -> None:
    inputs = dataset(tmp_path / "in", corpus, corpus)
    config = Config(vocabulary=1024, terms=("XK-4711",))
    whole, _ = run(tmp_path / "whole", config, inputs)
    learned, _ = run(tmp_path / "learned", replace(config, vocabulary=512), inputs)
    out = tmp_path / "cut"
    out.mkdir()
    context = StepContext(folder=out, scratch=out, cores=1, emit=lambda kind, /, **_: None)
    facts = cut(CutConfig(512), with_tokenizer(inputs, "tokenizer", tmp_path / "whole"), context)
    for name in TOKENIZER_FILES:
        assert (out / name).read_bytes() == (tmp_path / "learned" / name).read_bytes()
    assert facts["bytes_per_token"] == learned["bytes_per_token"]
    assert facts["bytes_per_token_by_vocabulary"] == whole["bytes_per_token_by_vocabulary"]
    with pytest.raises(InputError, match="a vocabulary of 300"):
        CutConfig(300)


def test_what_goes_on_from_another_vocabulary_is_not_cut(tmp_path: Path, corpus: list[str]) -> None:
    run(tmp_path / "base", Config(vocabulary=512, terms=("XK-4711",)), dataset(tmp_path / "first", corpus, []))
    inputs = dataset(tmp_path / "second", corpus, corpus)
    run(tmp_path / "more", Config(vocabulary=768), with_tokenizer(inputs, BASE, tmp_path / "base"))
    context = StepContext(folder=tmp_path, scratch=tmp_path, cores=1, emit=lambda kind, /, **_: None)
    with pytest.raises(InputError, match="cannot be cut"):
        cut(CutConfig(640), with_tokenizer(inputs, "tokenizer", tmp_path / "more"), context)
