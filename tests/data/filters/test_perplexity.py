"""What is like the reference set is less surprising than what is not, and noise is most."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.data.batch import of_texts
from ingot.data.filters.perplexity import Config, annotate
from ingot.data.ngram_model import count, save
from tests.data.reference_sets import LEASE, VISIT, sentences


def test_the_order_of_surprise(tmp_path: Path) -> None:
    save(count([text.encode() for text in sentences(LEASE, 72)[::2]], 5), tmp_path)
    texts = [sentences(LEASE, 2)[1], sentences(VISIT, 1)[0], "qZ7#kQ9!xV2$jW5%", "", "x" * 100_000]
    batch = replace(of_texts(texts), inputs={"reference": tmp_path})
    (found,) = annotate(batch, Config())
    assert (found.column, found.flag, found.tail) == ("perplexity", "unlike_reference", "high")
    like, other, noise, nothing, long = found.values
    assert 1 < like < other < noise  # type: ignore[operator]  # values may be of any kind; these are numbers
    assert nothing == 1
    assert long > 1  # type: ignore[operator]  # as above
    alone = replace(batch, rows=batch.rows.slice(1, 1))
    assert annotate(alone, Config())[0].values[0] == other


def test_it_needs_its_input() -> None:
    with pytest.raises(UsageError, match="needs the input 'reference'"):
        annotate(of_texts(["a"]), Config())
