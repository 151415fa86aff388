from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from ingot.evaluate.bits import document_bits
from ingot.evaluate.evidence.choosing import EXAMPLE, GENERAL, ITEM, KNOWN, OWN, TEXTS_FILE, Chosen
from ingot.evaluate.evidence.config import CountConfig, ScoreConfig
from ingot.evaluate.evidence.counted import count, read_counted
from ingot.evaluate.evidence.passages import Shown, shown_bits
from ingot.evaluate.evidence.reciting import recited
from ingot.evaluate.evidence.scoring import read_score, score
from ingot.evaluate.likelihood import Weigher
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.model.convert import load
from ingot.retrieve.config import IndexConfig
from ingot.retrieve.run import index
from ingot.tokenizer.codec import Codec
from tests.evaluate.small_build import artifact, silent

TEXT = "Return the message as bytes, with its headers in the order in which they were added. "


@pytest.fixture
def texts(tmp_path: Path) -> Artifact:
    place = tmp_path / "texts"
    place.mkdir()
    uses = {OWN: 6, GENERAL: 4, EXAMPLE: 12, ITEM: 6, KNOWN: 5}
    rows = [
        Chosen(use, f"{use}-{number}", "", f"{number}? {TEXT * 3}", label="ab"[number % 2], question_bytes=3)
        for use, count in uses.items()
        for number in range(count)
    ]
    (place / TEXTS_FILE).write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))
    return artifact("acme-texts", place, {})


def test_every_part_of_a_score(tmp_path: Path, made: Mapping[str, Artifact], texts: Artifact) -> None:
    out = tmp_path / "score"
    out.mkdir()
    inputs = {"checkpoint": made["checkpoint"], "texts": texts}
    facts = score(ScoreConfig(answer_tokens=8, answers=1), inputs, StepContext(out, tmp_path, 1, silent))
    kept = read_score(out)
    assert [len(kept["bits"][use]) for use in (OWN, GENERAL)] == [6, 4]
    folder = made["checkpoint"].path
    decoder, codec = load(folder).eval(), Codec.load(folder)
    ids = [codec.encode(f"{number}? {TEXT * 3}") for number in range(6)]
    expected = document_bits(decoder, ids, codec.bos, decoder.config.context // 2)
    assert kept["bits"][OWN] == pytest.approx(expected.tolist(), rel=1e-4)
    size = len(f"0? {TEXT * 3}")
    assert facts[OWN]["value"] == pytest.approx(float(np.sum(expected)) / (6 * size), rel=1e-4)
    assert len(kept["labels"]) == 6
    assert facts["recited"]["value"] == 0.0
    assert facts["answer"]["answer_bytes"] == size - 3
    assert facts["answer"]["processor_seconds"] > 0
    assert facts["training"]["processor_seconds"] is None  # nobody counted while this one trained
    assert facts["training"]["joules"] == 1800.0


def test_without_a_model(tmp_path: Path, made: Mapping[str, Artifact], texts: Artifact) -> None:
    out = tmp_path / "counted"
    out.mkdir()
    inputs = {"texts": texts, "own": made["dataset"]}
    facts = count(CountConfig(ngram_order=3), inputs, StepContext(out, tmp_path, 1, silent))
    kept = read_counted(out)
    assert set(kept["bits"]) == {"zstd", "ngram"}
    assert len(kept["bits"]["zstd"][OWN]) == 6
    assert facts["ngram_bits_per_byte"] > 0
    assert len(kept["labels"]) == 6


def test_what_a_model_always_writes_is_recited(made: Mapping[str, Artifact]) -> None:
    folder = made["checkpoint"].path
    decoder, codec = load(folder).eval(), Codec.load(folder)
    # A text that greedy decoding itself has written.
    ids = [codec.bos, *codec.encode("Return the message")]
    with torch.no_grad():
        for _ in range(24):
            ids.append(int(decoder.logits(decoder(torch.tensor([ids]))[0, -1]).argmax()))
    text = codec.decode(ids[1:])
    config = ScoreConfig(beginning_bytes=len(b"Return the message"), recited_bytes=12)
    again = codec.encode(text) == ids[1:]
    found = recited(Weigher(folder), [Chosen(KNOWN, "a", "", text), Chosen(KNOWN, "b", "", TEXT)], config)
    assert found == [again, False]
    assert recited(Weigher(folder), [Chosen(KNOWN, "c", "", "short")], config) == []


def test_behind_passages_all_bytes_are_scored(tmp_path: Path, made: Mapping[str, Artifact], texts: Artifact) -> None:
    place = tmp_path / "index"
    place.mkdir()
    told = index(IndexConfig(passage_bytes=64), {"dataset": made["dataset"]}, StepContext(place, tmp_path, 1, silent))
    out = tmp_path / "score"
    out.mkdir()
    inputs = {"checkpoint": made["checkpoint"], "texts": texts, "index": artifact("acme-index", place, told)}
    config = ScoreConfig(answer_tokens=8, answers=1, passages=1, passage_bytes=20)
    facts = score(config, inputs, StepContext(out, tmp_path, 1, silent))
    assert len(read_score(out)["bits"][OWN]) == 6
    assert facts[OWN]["value"] > 0
    assert facts["labels"] is None
    assert facts["training"]["processor_seconds"] == 0.0


def test_bits_behind_passages_are_those_of_one_text_after_another(made: Mapping[str, Artifact]) -> None:
    folder = made["checkpoint"].path
    decoder, codec = load(folder).eval(), Codec.load(folder)
    text = Chosen(OWN, "a", "", "Who?\nReturn the headers.", question_bytes=5)
    shown = Shown(["Who?"], [["A short one."]], 0.0)
    (found,) = shown_bits(folder, decoder, codec, [text], shown, 32)
    alone = document_bits(decoder, [codec.encode("Who?")], codec.bos, 32)[0]
    before, whole = (
        codec.encode(each) for each in ("A short one.\n\nWho?", "A short one.\n\nWho?\nReturn the headers.")
    )
    both = document_bits(decoder, [before, whole], codec.bos, 32)
    assert len(whole) < decoder.config.context
    assert found == pytest.approx(float(alone + both[1] - both[0]), rel=1e-4)
    (plain,) = shown_bits(folder, decoder, codec, [text], Shown([text.text], [["A short one."]], 0.0), 32)
    assert plain == pytest.approx(float(document_bits(decoder, [codec.encode(text.text)], codec.bos, 32)[0]), rel=1e-4)
