"""Listed words and phrases are counted, a classifier scores, and without either the filter says what it needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingot.core.errors import UsageError
from ingot.data.batch import of_texts
from ingot.data.filters.toxicity import Config, annotate
from ingot.data.text_classifier import COLUMNS, Classifier, save


def test_words_and_phrases_are_counted() -> None:
    words = ("scoundrel", "Empty Head", "...")
    texts = ["You SCOUNDREL, you empty-head!", "An empty jar, and a head of salad.", "", "scoundrels"]
    (found,) = annotate(of_texts(texts), Config(words))
    assert found.column == "toxic_words"
    assert list(found.values) == [400, 0, 0, 0]


def test_a_classifier_scores(tmp_path: Path) -> None:
    save(Classifier(np.zeros(COLUMNS, np.float32)), tmp_path)
    batch = replace(of_texts(["a", "b"]), inputs={"abuse": tmp_path})
    listed, scored = annotate(batch, Config(("a",), "abuse"))
    assert (listed.column, scored.column) == ("toxic_words", "toxicity")
    assert list(listed.values) == [1000, 0]
    assert list(scored.values) == [0.5, 0.5]


def test_it_needs_something_to_judge_by() -> None:
    with pytest.raises(UsageError, match="nothing to judge by"):
        annotate(of_texts(["a"]), Config())
