"""Documents that hold evaluation texts are found, with the share and the names of the sets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.data.batch import TextBatch, of_texts
from ingot.data.filters.contamination import Config, annotate
from ingot.data.ngram_index import build
from tests.data.reference_sets import LEASE, VISIT, sentences

EXAM = "What is the usual first step of treatment when a patient arrives with a fever of unknown origin and chills?"
QUIZ = "Which of these rivers flows through four capitals before it reaches the sea at its wide and marshy delta?"


@pytest.fixture
def batch(tmp_path: Path) -> TextBatch:
    for name, text in (("exam", EXAM), ("quiz", QUIZ)):
        (tmp_path / name).mkdir()
        build([text], tmp_path / name)
    texts = [sentences(LEASE, 1)[0], EXAM, f"{EXAM.lower()} {' '.join(sentences(VISIT, 3))}", f"{QUIZ}\n{EXAM}", ""]
    return replace(of_texts(texts), inputs={name: tmp_path / name for name in ("exam", "quiz")})


def test_shares_and_sets(batch: TextBatch) -> None:
    share, sets = annotate(batch, Config(("exam", "quiz")))
    assert (share.column, sets.column) == ("contaminated_share", "contaminated_by")
    assert sets.values == [None, "exam", "exam", "exam,quiz", None]
    assert list(share.values[[0, 1, 3, 4]]) == [0, 1, 1, 0]
    assert 0.2 < share.values[2] < 0.5


def test_a_value_depends_on_its_text_alone(batch: TextBatch) -> None:
    config = Config(("exam", "quiz"))
    alone = [annotate(replace(batch, rows=batch.rows.slice(number, 1)), config) for number in range(len(batch))]
    for place, together in enumerate(annotate(batch, config)):
        assert list(together.values) == [found[place].values[0] for found in alone]


def test_an_input_that_is_not_there(batch: TextBatch) -> None:
    with pytest.raises(UsageError, match="'contamination'"):
        annotate(batch, Config())
