"""Vectors are those that the engine gives, compared with all passages; an index carries the model it needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact
from ingot.infer.engine import build
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.model.heads import put_pooling, save_embedder
from ingot.retrieve import vectors
from ingot.retrieve.search import open_index
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.evaluate.small_build import artifact
from tests.retrieve.small_index import TEXTS, made


def model(folder: Path, is_embedder: bool = True) -> Artifact:
    """Write a model of drawn weights with a context of 24 tokens."""
    folder.mkdir(parents=True)
    tokenizer = learn(list(TEXTS.values()) * 3, 400)
    write(tokenizer, folder)
    codec = Codec(tokenizer)
    torch.manual_seed(0)
    decoder = Decoder(ModelConfig(codec.vocabulary, 32, 1, 2, 1, 16, 64, context=24))
    marks = SpecialTokens(codec.bos, (codec.eos,), codec.pad)
    if is_embedder:
        save_embedder(put_pooling(decoder, "mean"), 24, folder, marks)
    else:
        save(decoder, folder, marks)
    return artifact("acme-embedder", folder, {})


def test_passages_are_compared_by_their_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "_COMPARED_AT_ONCE", 2)
    embedder = model(tmp_path / "embedder")
    found = made(tmp_path, embedder=embedder)
    assert found.facts["rankers"] == ["words", "vectors"]
    assert (found.facts["width"], found.facts["embedder"]) == (32, "acme-embedder@1")
    engine = build("torch", embedder.path)
    query, *texts = vectors.embedded(engine, ["Who keeps bees?", *TEXTS.values()])
    expected = [float(np.dot(query, text)) for text in texts]
    shutil.rmtree(embedder.path)  # the index has files of its own
    index = open_index(found.path)
    best = index.search("Who keeps bees?", 10)
    assert {each.uri: each.scores["vectors"] for each in best} == pytest.approx(
        dict(zip(TEXTS, expected, strict=True)), abs=2e-3
    )
    assert best[0].score == max(each.score for each in best)
    # Vectors compare everything: what shares no word is found, too.
    assert len(index.search("xylophone", 10)) == len(TEXTS)
    index.close()


def test_of_a_long_text_the_beginning_is_read(tmp_path: Path) -> None:
    engine = build("torch", model(tmp_path / "embedder").path)
    one, other = vectors.embedded(engine, ["bees " * 100, "bees " * 200])
    assert np.allclose(one, other)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)


def test_a_model_without_vectors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gives no embeddings"):
        made(tmp_path, embedder=model(tmp_path / "writer", is_embedder=False))
