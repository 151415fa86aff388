from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.core.tables import parts, read_rows
from ingot.evaluate.evidence.choosing import EXAMPLE, GENERAL, ITEM, KNOWN, OWN, choose, overlaps, read_chosen
from ingot.evaluate.evidence.config import ChooseConfig
from ingot.evaluate.evidence.gathering import QUESTIONS_FILE
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from tests.evaluate.small_build import artifact, silent


def slow_overlap(text: str, training: list[str], words: int) -> float:
    def ngrams(of: str) -> list[tuple[str, ...]]:
        told = of.lower().split()
        return [tuple(told[place : place + words]) for place in range(len(told) - words + 1)]

    known = {each for other in training for each in ngrams(other)}
    own = ngrams(text)
    return sum(each in known for each in own) / len(own) if own else 0.0


def test_overlaps_are_those_of_plain_sets() -> None:
    training = ["the lift is stuck again and nobody has called", "call the technician when the lift is stuck"]
    texts = ["when the lift is stuck again call us", "nothing of this stands there at all", "the lift", training[0]]
    for words in (2, 3):
        found = overlaps(texts, training, words)
        assert found.tolist() == pytest.approx([slow_overlap(each, training, words) for each in texts])
    assert overlaps([], training, 3).tolist() == []


@pytest.fixture
def gathered(tmp_path: Path, made: Mapping[str, Artifact]) -> Artifact:
    """Every document of the small build as the answer to a question, of two labels."""
    place = tmp_path / "gathered"
    place.mkdir()
    rows: list[dict[str, Any]] = []
    for split in ("train", "held_out"):
        for number, row in enumerate(read_rows(parts(made["dataset"].path, split), ("doc_id", "text"))):
            question, _, answer = row["text"].partition("\n")
            told = {"doc_id": row["doc_id"], "question": question, "answer": answer or "none", "group": "a"}
            rows.append({**told, "label": "even" if number % 2 else "odd"})
    (place / QUESTIONS_FILE).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return artifact("acme-gathered", place, {})


def chosen(folder: Path, made: Mapping[str, Artifact], gathered: Artifact, **changed: Any) -> Mapping[str, Any]:
    out = folder / "texts"
    out.mkdir()
    inputs = {"own": made["dataset"], "general": made["dataset"], "gathered": gathered}
    config = ChooseConfig(**{"largest_overlap": 1.0, "least_bytes": 20, **changed})
    return choose(config, inputs, StepContext(out, folder, 1, silent))


def test_texts_for_every_use_are_chosen(tmp_path: Path, made: Mapping[str, Artifact], gathered: Artifact) -> None:
    facts = chosen(tmp_path, made, gathered, document_bytes=500, known_texts=5)
    own = read_chosen(tmp_path / "texts", OWN)
    held_out = {row["doc_id"]: row["text"] for row in read_rows(parts(made["dataset"].path, "held_out"))}
    assert own
    assert all(held_out[each.doc_id].startswith(each.text) for each in own)
    assert all(each.bytes <= 500 for each in own)
    assert [each.doc_id for each in own] == sorted(each.doc_id for each in own)
    assert all(each.text.encode()[: each.question_bytes].endswith(b"\n") for each in own if each.question_bytes)
    assert len(read_chosen(tmp_path / "texts", KNOWN)) == 5
    train = {row["doc_id"] for row in read_rows(parts(made["dataset"].path, "train"))}
    assert {each.doc_id for each in read_chosen(tmp_path / "texts", KNOWN, EXAMPLE)} <= train
    assert {each.doc_id for each in read_chosen(tmp_path / "texts", ITEM)} <= set(held_out)
    assert facts["own_bytes"] == sum(each.bytes for each in own)
    assert {each.group for each in read_chosen(tmp_path / "texts", GENERAL)} <= {
        uri.split("/")[0] for uri in _uris(made)
    }


def test_the_limit_is_kept(tmp_path: Path, made: Mapping[str, Artifact], gathered: Artifact) -> None:
    assert chosen(tmp_path, made, gathered, own_bytes=700)["own_bytes"] <= 700


def test_what_stands_in_training_text_is_left_out(
    tmp_path: Path, made: Mapping[str, Artifact], gathered: Artifact
) -> None:
    # Every document of the small build begins with the same line, which is far more than a twentieth of 400 bytes.
    with pytest.raises(InputError, match="no your own text is left to measure on"):
        chosen(tmp_path, made, gathered, largest_overlap=0.05, document_bytes=130, ngram_words=3)


def _uris(made: Mapping[str, Artifact]) -> list[str]:
    return [row["uri"] for row in read_rows(parts(made["dataset"].path, "held_out"), ("uri",))]
