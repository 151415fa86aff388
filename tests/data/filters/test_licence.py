"""A licence is known when it says something, or when it is on the list."""

from __future__ import annotations

import pyarrow as pa

from ingot.data.batch import TextBatch, of_texts
from ingot.data.filters.licence import Config, annotate


def known(licences: list[str | None], config: Config) -> list[bool]:
    rows = pa.record_batch({"text": pa.array(["x"] * len(licences)), "licence": pa.array(licences, pa.string())})
    (found,) = annotate(TextBatch(rows), config)
    assert found.column == "licence_known"
    return list(found.values)  # type: ignore[arg-type]  # values may be of any kind; these are texts


def test_what_says_something_is_known() -> None:
    assert known(["CC-BY-4.0", None, "", " Unknown ", "NOASSERTION"], Config()) == [True, False, False, False, False]


def test_only_what_is_allowed() -> None:
    assert known(["cc-by-4.0", "GPL-3.0", None], Config(allowed=("CC-BY-4.0", "MIT"))) == [True, False, False]


def test_documents_that_nobody_gave_a_licence() -> None:
    # Values are an array or a list; these are an array.
    assert annotate(of_texts(["a", "b"]), Config())[0].values.tolist() == [False, False]  # type: ignore[union-attr]
