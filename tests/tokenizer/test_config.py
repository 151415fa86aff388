"""A vocabulary that cannot be built is refused with the nearest one that can."""

from __future__ import annotations

from typing import Any

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


@pytest.mark.parametrize(
    "options",
    [
        {"splitting": "qwen3"},
        {"indentation": -1},
        {"indentation": 65},
        {"temperature": 0.5},
        {"temperature": float("nan")},
        {"width": 256},
        {"layer_parameters": 1_000_000},
    ],
)
def test_what_cannot_be_done_says_what_can(options: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        Config(**options)
    assert "tokenizer, option" in caught.value.where
    assert caught.value.fix
