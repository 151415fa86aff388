from __future__ import annotations

import pytest

from ingot.core.errors import InputError
from ingot.serve.refusal import in_a_sentence


@pytest.mark.parametrize(
    ("why", "fix", "told"),
    [
        ("it is too long", "send less", "no answer: it is too long; send less"),
        ("", "send less", "no answer; send less"),
        ("it is too long", "", "no answer: it is too long"),
    ],
)
def test_an_error_is_one_sentence(why: str, fix: str, told: str) -> None:
    assert in_a_sentence(InputError("no answer", why=why, fix=fix)) == told
