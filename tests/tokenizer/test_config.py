"""A vocabulary that cannot be built is refused with the nearest one that can."""

from __future__ import annotations

import pytest

from ingot.core.errors import InputError
from ingot.tokenizer.config import Config


@pytest.mark.parametrize(("asked", "nearest"), [(0, "320"), (256, "320"), (1000, "1024"), (4100, "4096")])
def test_a_size_that_does_not_fit_names_the_nearest(asked: int, nearest: str) -> None:
    with pytest.raises(InputError) as caught:
        Config(vocabulary=asked)
    assert caught.value.fix == f"use {nearest}"
    assert Config(vocabulary=int(nearest)).vocabulary == int(nearest)


def test_no_text_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="needs text"):
        Config(sample_bytes=0)
