"""A filter says which input it misses, and does without columns that a batch does not have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.data.batch import of_texts
from ingot.data.inputs import input_folder, terms


def test_the_folder_of_an_input(tmp_path: Path) -> None:
    batch = replace(of_texts(["a"]), inputs={"reference": tmp_path})
    assert input_folder(batch, "reference", "perplexity") == tmp_path
    with pytest.raises(UsageError, match="did you mean 'reference'"):
        input_folder(batch, "referense", "perplexity")


def test_terms_that_nobody_gave() -> None:
    assert terms(of_texts(["a", "b"]), "licence") == [None, None]
    assert terms(of_texts(["a", "b"]), "parser") == ["text", "text"]
