"""Every filter, unlisted, says the same of a text in any batch, in columns of its own, and drops nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.errors import UsageError
from ingot.core.plugins import load, names
from ingot.data.annotations import Annotation
from ingot.data.batch import of_texts

FILTERS = names("filter")
TEXTS = [
    "A usual sentence of some words. And another one, that says more.\nA second line.",
    "for i in range(10):\n    total += values[i] * 2\n",
    "这是一个句子。",
    "0 1 2 3 4 5",
    "{}[]<>!?",
    "word " * 5000,
    " ",
    "\ufffd\ufffd",
    "😀",
    "",
]


def described(name: str, texts: Sequence[str]) -> list[Annotation]:
    """Return what a filter says with its defaults; nothing when it has to be told something first."""
    plugin = load("filter", name)
    try:
        return list(plugin.entry(of_texts(texts), plugin.config_type()))
    except UsageError as error:
        needs = error.fix
    assert needs, f"{name} does not say what it needs"
    return []


def as_list(annotation: Annotation) -> list[Any]:
    return list(annotation.values)


@pytest.mark.parametrize("name", FILTERS)
def test_its_config_is_frozen(name: str) -> None:
    assert load("filter", name).config_type.__dataclass_params__.frozen


@pytest.mark.parametrize("name", FILTERS)
def test_one_value_a_text(name: str) -> None:
    for annotation in described(name, TEXTS):
        assert len(annotation.values) == len(TEXTS)
        if not isinstance(annotation.values, np.ndarray):
            assert all(value is None or isinstance(value, str) for value in annotation.values)
        elif annotation.values.dtype != np.bool_:
            assert annotation.values.dtype == np.float64
            assert np.isfinite(annotation.values).all()
            assert (annotation.values >= 0).all()


@pytest.mark.parametrize("name", FILTERS)
def test_only_numbers_have_a_flag(name: str) -> None:
    for annotation in described(name, TEXTS):
        if annotation.flag is not None:
            assert isinstance(annotation.values, np.ndarray)
            assert annotation.values.dtype == np.float64
            assert annotation.tail in ("low", "high")
            assert annotation.least_spread > 0


@pytest.mark.parametrize("name", FILTERS)
def test_a_value_depends_on_its_text_alone(name: str) -> None:
    together = described(name, TEXTS)
    for place, text in enumerate(TEXTS):
        for annotation, alone in zip(together, described(name, [text]), strict=True):
            assert as_list(annotation)[place] == as_list(alone)[0]


@pytest.mark.parametrize("name", FILTERS)
@settings(max_examples=50, deadline=None)
@given(text=st.text())
def test_any_text_will_do(name: str, text: str) -> None:
    for annotation in described(name, [text]):
        assert len(annotation.values) == 1


@pytest.mark.parametrize("name", FILTERS)
def test_no_texts_no_values(name: str) -> None:
    assert all(len(annotation.values) == 0 for annotation in described(name, []))


def test_columns_and_flags_are_distinct_names() -> None:
    annotations = [annotation for name in FILTERS for annotation in described(name, ["text"])]
    used = [name for each in annotations for name in (each.column, each.flag) if name is not None]
    assert len(used) == len(set(used))
    assert all(name.isidentifier() and name == name.lower() for name in used)


@pytest.mark.parametrize("name", FILTERS)
def test_a_decision_comes_with_its_reason(name: str) -> None:
    by_column = {annotation.column: annotation for annotation in described(name, TEXTS)}
    if f"passes_{name}" in by_column:
        reasons = as_list(by_column[f"{name}_reason"])
        assert [reason is None for reason in reasons] == as_list(by_column[f"passes_{name}"])
