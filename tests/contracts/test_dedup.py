"""Every dedup, unlisted, names for each text the first of its group, whatever the texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.plugins import load, names
from ingot.data.batch import of_texts

DEDUPS = names("dedup")
LONG = "one two three four five six seven eight nine ten eleven twelve"


def firsts(name: str, *batches: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return for each text the first of its group."""
    plugin = load("dedup", name)
    found: npt.NDArray[np.int64] = plugin.entry(iter(map(of_texts, batches)), plugin.config_type())
    return found


@pytest.mark.parametrize("name", DEDUPS)
def test_its_config_is_frozen(name: str) -> None:
    assert load("dedup", name).config_type.__dataclass_params__.frozen


@pytest.mark.parametrize("name", DEDUPS)
def test_equal_texts_belong_to_the_first(name: str) -> None:
    texts = ["something quite different, with enough words to count", LONG, "short", LONG, LONG]
    assert firsts(name, texts).tolist() == [0, 1, 2, 1, 1]


@pytest.mark.parametrize("name", DEDUPS)
def test_batches_do_not_matter(name: str) -> None:
    assert firsts(name, ["a text of five words"], [], [LONG, "a text of five words"]).tolist() == [0, 1, 0]


@pytest.mark.parametrize("name", DEDUPS)
def test_no_texts_no_groups(name: str) -> None:
    assert firsts(name).shape == firsts(name, []).shape == (0,)


@pytest.mark.parametrize("name", DEDUPS)
@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(alphabet="ab \n世", max_size=60), max_size=12))
def test_groups_are_named_by_their_first_text(name: str, texts: list[str]) -> None:
    found = firsts(name, texts)
    assert found.dtype == np.int64
    assert (found <= np.arange(len(texts))).all()
    assert found[found].tolist() == found.tolist()
    assert firsts(name, texts).tolist() == found.tolist()
