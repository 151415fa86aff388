from __future__ import annotations

import base64
import json

import pytest

from ingot.serve.links import PATH, Linked, Links
from ingot.serve.refusal import Refusal

LINKED = Linked("key-1", "file-2")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_link_leads_to_its_file_until_it_ends() -> None:
    clock = Clock()
    links = Links(b"k" * 32, clock)
    token = links.make(LINKED, 60).removeprefix(PATH)
    clock.now += 59
    assert Links(b"k" * 32, clock).read(token) == LINKED  # after a restart, too
    clock.now += 1
    with pytest.raises(Refusal, match="has ended") as caught:
        links.read(token)
    assert (caught.value.status, caught.value.code) == (403, "link_expired")


def test_nobody_else_makes_or_changes_a_link() -> None:
    links = Links()
    token = links.make(LINKED, 60).removeprefix(PATH)
    said, _, signature = token.partition(".")
    longer = json.dumps(["key-1", "file-2", 1 << 40]).encode()
    forged = f"{base64.urlsafe_b64encode(longer).decode()}.{signature}"
    others = Links().make(LINKED, 60).removeprefix(PATH)
    for wrong in (forged, others, said, f"{said}.", f".{signature}", "", ".", "é", "a.b.c", said + token, "=" * 9):
        with pytest.raises(Refusal, match="not made by this server"):
            links.read(wrong)
