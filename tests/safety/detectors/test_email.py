from __future__ import annotations

import pytest

from tests.safety.detectors.found import words


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("write to ann.b+c@mail.example.co.uk, please", "ann.b+c@mail.example.co.uk"),
        ("<jörg@exämple.de>", "jörg@exämple.de"),
        ("mailto:a_b@example.org?subject=x", "a_b@example.org"),
        ("'ann@example.org'", "ann@example.org"),
        ("ann [at] example [dot] org", "ann [at] example [dot] org"),
        ("ann(at)example.org", "ann(at)example.org"),
    ],
)
def test_addresses_are_found_whole(text: str, address: str) -> None:
    assert words("email", text) == [address]


@pytest.mark.parametrize("text", ["a @ b", "@decorator", "user@localhost", "1@2.3", "look (at) this. Then go"])
def test_what_only_looks_like_one_is_left(text: str) -> None:
    assert words("email", text) == []


def test_spelling_out_can_be_left_out() -> None:
    assert words("email", "ann [at] example [dot] org", spelled_out=False) == []
