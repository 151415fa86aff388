"""A classifier survives its file, is refused where it would read words in another way, and shows no words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from ingot.core.errors import InputError
from ingot.data.text_classifier import COLUMNS, MODEL_FILE, PLACES, Classifier, features, load, save

DRAWN = Classifier(np.random.default_rng(0).normal(size=COLUMNS).astype(np.float32))


def test_it_survives_its_file(tmp_path: Path) -> None:
    save(DRAWN, tmp_path)
    text = "The tenant shall pay the rent."
    assert load(tmp_path).score(text) == DRAWN.score(text)


def test_features_are_words_and_pairs_of_words() -> None:
    columns, values = features("to be or not to be")
    # Four words, four pairs, of which "to be" is there twice, and the constant.
    assert len(columns) == 9
    assert columns[-1] == PLACES
    assert np.isclose(np.sum(values[:-1] ** 2), 1)
    assert sorted(set(np.round(values[:-1] / values[:-1].min(), 3))) == [1.0, round(1 + np.log(2), 3)]


@pytest.mark.parametrize("text", ["", " \n", "!?"])
def test_what_has_no_words_is_judged_by_the_constant(text: str) -> None:
    columns, values = features(text)
    assert (columns.tolist(), values.tolist()) == ([PLACES], [1.0])


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=200))
def test_scores_are_probabilities(text: str) -> None:
    assert 0 <= DRAWN.score(text) <= 1


def test_what_is_no_classifier(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a text classifier"):
        load(tmp_path)
    save_file({"weights": np.zeros(3, np.float32)}, str(tmp_path / MODEL_FILE))
    with pytest.raises(InputError, match="cannot be used"):
        load(tmp_path)
