"""Every dedup, unlisted, names for each text the first of its group, whatever the texts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.plugins import load, names

DEDUPS = names("dedup")
LONG = "one two three four five six seven eight nine ten eleven twelve"


@pytest.mark.parametrize("name", DEDUPS)
def test_its_config_is_frozen(name: str) -> None:
    assert load("dedup", name).config_type.__dataclass_params__.frozen


@pytest.mark.parametrize("name", DEDUPS)
def test_equal_texts_belong_to_the_first(name: str) -> None:
    plugin = load("dedup", name)
    texts = ["something quite different, with enough words to count", LONG, "short", LONG, LONG]
    assert plugin.entry(iter(texts), plugin.config_type()).tolist() == [0, 1, 2, 1, 1]


@pytest.mark.parametrize("name", DEDUPS)
def test_no_texts_no_groups(name: str) -> None:
    plugin = load("dedup", name)
    assert plugin.entry(iter([]), plugin.config_type()).shape == (0,)


@pytest.mark.parametrize("name", DEDUPS)
@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(alphabet="ab \n世", max_size=60), max_size=12))
def test_groups_are_named_by_their_first_text(name: str, texts: list[str]) -> None:
    plugin = load("dedup", name)
    firsts = plugin.entry(iter(texts), plugin.config_type())
    assert firsts.dtype == np.int64
    assert (firsts <= np.arange(len(texts))).all()
    assert firsts[firsts].tolist() == firsts.tolist()
    assert plugin.entry(iter(texts), plugin.config_type()).tolist() == firsts.tolist()
