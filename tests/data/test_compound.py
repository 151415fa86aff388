"""Compound files give their streams, and damaged ones a reason."""

from __future__ import annotations

import random

import pytest

from ingot.core.errors import InputError
from ingot.data.compound import Compound
from tests.data.compound_file import compound_bytes

STREAMS = {"small": b"a few words", "large": bytes(range(256)) * 50, "folder/inner": b"deep" * 40, "empty": b""}


def test_streams_of_every_size_come_back() -> None:
    file = Compound(compound_bytes(STREAMS))
    assert file.names() == sorted(STREAMS)
    assert {name: file.read(name) for name in file.names()} == STREAMS
    assert file.read("not there") == b""


@pytest.mark.parametrize("payload", [b"", b"\xd0\xcf\x11\xe0", b"x" * 4096, compound_bytes(STREAMS)[:600]])
def test_what_is_none_has_a_reason(payload: bytes) -> None:
    with pytest.raises(InputError, match="damaged") as caught:
        Compound(payload)
    assert caught.value.fix


def contents_or_nothing(payload: bytes) -> list[bytes]:
    """Return all streams, nothing when that is refused with a reason; anything else fails the test."""
    try:
        file = Compound(payload)
        return [file.read(name) for name in file.names()]
    except InputError:
        return []


def test_damage_ends(subtests: pytest.Subtests) -> None:
    generator = random.Random(3)
    payload = compound_bytes(STREAMS)
    for seed in range(200):
        damaged = bytearray(payload)
        for _ in range(4):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        with subtests.test(seed=seed):
            assert all(len(content) <= len(payload) for content in contents_or_nothing(bytes(damaged)))


def test_a_chain_that_bites_its_tail_ends() -> None:
    payload = bytearray(compound_bytes(STREAMS))
    place = payload.index((1).to_bytes(4, "little") + (2).to_bytes(4, "little"), 512)  # the table: 0 -> 1 -> 2
    payload[place : place + 4] = (0).to_bytes(4, "little")
    assert len(Compound(bytes(payload)).read("large")) <= len(payload)
