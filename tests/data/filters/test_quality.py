"""Texts like the good examples score higher."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.data.batch import of_texts
from ingot.data.classifier_training import Example, train
from ingot.data.filters.quality import Config, annotate
from ingot.data.text_classifier import save
from tests.data.reference_sets import LEASE, VISIT, sentences


def test_good_texts_score_higher(tmp_path: Path) -> None:
    examples = [Example(text, kind is LEASE) for kind in (LEASE, VISIT) for text in sentences(kind, 72)[::2]]
    save(train(examples, 100)[0], tmp_path)
    batch = replace(of_texts([sentences(LEASE, 2)[1], sentences(VISIT, 2)[1], ""]), inputs={"quality": tmp_path})
    (found,) = annotate(batch, Config())
    assert (found.column, found.flag) == ("quality", None)
    good, bad, nothing = found.values
    assert good > 0.6 > 0.4 > bad  # type: ignore[operator]  # values may be of any kind; these are numbers
    assert 0 <= nothing <= 1  # type: ignore[operator]  # as above
    alone = replace(batch, rows=batch.rows.slice(1, 1))
    assert annotate(alone, Config())[0].values[0] == bad


def test_it_needs_its_input() -> None:
    with pytest.raises(UsageError, match="needs the input 'judged'"):
        annotate(of_texts(["a"]), Config("judged"))
