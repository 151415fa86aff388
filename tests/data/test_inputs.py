"""A filter says which input it misses, and does without columns that a batch does not have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.data.batch import of_texts
from ingot.data.config import Choice
from ingot.data.inputs import check_inputs, input_folder, terms


def test_the_folder_of_an_input(tmp_path: Path) -> None:
    batch = replace(of_texts(["a"]), inputs={"reference": tmp_path})
    assert input_folder(batch, "reference", "perplexity") == tmp_path
    with pytest.raises(UsageError, match="did you mean 'reference'"):
        input_folder(batch, "referense", "perplexity")


def test_inputs_are_asked_for_before_a_document_is_looked_at() -> None:
    two = Choice("contamination", {"inputs": ("exams", "quiz")})
    check_inputs([two, Choice("toxicity", {"words": ("a",)}), Choice("language")], {"exams", "quiz", "documents"})
    with pytest.raises(UsageError, match="'contamination' needs the input 'quiz'"):
        check_inputs([two], {"exams"})
    with pytest.raises(UsageError, match="'quality' needs the input 'quality'") as caught:
        check_inputs([Choice("quality")], ())
    assert "run a recipe" in caught.value.fix


def test_terms_that_nobody_gave() -> None:
    assert terms(of_texts(["a", "b"]), "licence") == [None, None]
    assert terms(of_texts(["a", "b"]), "parser") == ["text", "text"]
