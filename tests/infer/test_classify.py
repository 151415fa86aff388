"""A text's classes are those of transformers, whatever stands beside it in a batch."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from ingot.infer.classify import Classifier
from ingot.model.convert import SpecialTokens
from ingot.model.decoder import Decoder
from ingot.model.heads import put_classes, save_classifier
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.infer.tiny_model import CONTEXT, sizes

TEXTS = ["def area(radius):", "", "a much longer text, " * 40, "café 你好"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    write(learn([Path(ast.__file__).read_text(encoding="utf-8")], 512), folder)
    codec = Codec.load(folder)
    torch.manual_seed(3)
    decoder = put_classes(Decoder(sizes(codec.vocabulary)), 3)
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.mul_(6.0 if weight.ndim == 2 else 1.0)
    save_classifier(decoder, ["calm", "rude", "spam"], folder, SpecialTokens(codec.bos, (codec.eos,), codec.pad))
    return folder


def test_probabilities_are_those_of_transformers(folder: Path) -> None:
    classifier = Classifier(folder)
    theirs = AutoModelForSequenceClassification.from_pretrained(folder)
    tokens = classifier.tokens(TEXTS)
    found = classifier.probabilities(tokens)
    for ids, row in zip(tokens, found, strict=True):
        with torch.no_grad():
            wanted = theirs(input_ids=torch.tensor([ids])).logits.softmax(-1)[0].numpy()
        np.testing.assert_allclose(row, wanted, atol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


def test_a_text_stands_alone_and_its_beginning_is_read(folder: Path) -> None:
    classifier = Classifier(folder)
    tokens = classifier.tokens(TEXTS * 10)
    assert max(map(len, tokens)) == CONTEXT
    together = classifier.probabilities(tokens)
    alone = np.concatenate([classifier.probabilities([ids]) for ids in tokens[:4]])
    np.testing.assert_allclose(together[:4], alone, atol=1e-6)
    assert classifier.scores(TEXTS[0]) == pytest.approx(dict(zip(classifier.labels, alone[0].tolist(), strict=True)))
    assert classifier.probabilities([]).shape == (0, 3)
