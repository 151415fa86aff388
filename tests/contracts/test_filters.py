"""Every filter, unlisted, gives each text one finite number, the same in any batch, and drops nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.plugins import load, names

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
]


@pytest.mark.parametrize("name", FILTERS)
def test_its_config_is_frozen(name: str) -> None:
    assert load("filter", name).config_type.__dataclass_params__.frozen


@pytest.mark.parametrize("name", FILTERS)
def test_one_finite_number_a_text(name: str) -> None:
    plugin = load("filter", name)
    annotation = plugin.entry(TEXTS, plugin.config_type())
    assert annotation.values.shape == (len(TEXTS),)
    assert annotation.values.dtype == np.float64
    assert np.isfinite(annotation.values).all()
    assert (annotation.values >= 0).all()
    assert annotation.tail in ("low", "high")
    assert annotation.least_spread > 0


@pytest.mark.parametrize("name", FILTERS)
def test_a_number_depends_on_its_text_alone(name: str) -> None:
    plugin = load("filter", name)
    together = plugin.entry(TEXTS, plugin.config_type()).values
    alone = [plugin.entry([text], plugin.config_type()).values[0] for text in TEXTS]
    assert together.tolist() == alone


@pytest.mark.parametrize("name", FILTERS)
@settings(max_examples=50, deadline=None)
@given(text=st.text(min_size=1))
def test_any_text_will_do(name: str, text: str) -> None:
    plugin = load("filter", name)
    assert np.isfinite(plugin.entry([text], plugin.config_type()).values).all()


def test_columns_and_flags_are_distinct_names() -> None:
    plugins = [load("filter", name) for name in FILTERS]
    annotations = [plugin.entry(["text"], plugin.config_type()) for plugin in plugins]
    used = [name for annotation in annotations for name in (annotation.column, annotation.flag)]
    assert len(used) == len(set(used))
    assert all(name.isidentifier() and name == name.lower() for name in used)
