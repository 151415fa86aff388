from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ingot.flow.source import Snapshot, SourceItem, snapshot_from_literals

ITEM = SourceItem("a/b.txt", "/here/a/b.txt", 3, "00ff", 1.5)
OTHER = SourceItem("ü/c.md", "/x", 9, "aa" * 32, 2.0)
# Written down before an item could say more than its name and content: builds of plain folders are still reused.
RECORDED = {
    Snapshot("folder", (ITEM,)): "6153698bcbb65e1125e7905282ece67a2070d56e0108aba25802f4a3ba52bf46",
    Snapshot("folder", (OTHER, ITEM), (("x", "y"),)): (
        "bf041278e41baf81044e3d2a81f07bd36187889d19715a69ae2059058a21c2d2"
    ),
}


def test_place_and_time_do_not_change_the_digest() -> None:
    moved = replace(ITEM, locator="/there/b.txt", modified=9.0)
    assert Snapshot("folder", (ITEM,)).digest == Snapshot("folder", (moved,)).digest


def test_name_and_content_do() -> None:
    digests = {
        Snapshot("folder", (item,)).digest
        for item in (ITEM, replace(ITEM, uri="a/c.txt"), replace(ITEM, sha256="00fe"))
    }
    assert len(digests) == 3


@pytest.mark.parametrize("snapshot", RECORDED)
def test_the_digest_of_plain_files_stays_what_it_was(snapshot: Snapshot) -> None:
    assert snapshot.digest == RECORDED[snapshot]


@pytest.mark.parametrize(
    "change",
    [
        {"owner": "legal"},
        {"licence": "MIT"},
        {"access": ("board",)},
        {"retention": "2030-01-01"},
        {"region": "eu"},
        {"media_type": "text/html"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_terms_of_use_make_another_input(change: dict[str, Any]) -> None:
    assert Snapshot("x", (replace(ITEM, **change),)).digest != Snapshot("x", (ITEM,)).digest


def test_a_new_label_on_the_same_content_does_not() -> None:
    relabelled = replace(ITEM, version="etag-2", meta={"title": "B"})
    assert Snapshot("x", (relabelled,)).digest == Snapshot("x", (ITEM,)).digest


def test_survives_as_literals() -> None:
    described = replace(OTHER, version="7", access=("legal", "board"), meta={"title": "C"})
    snapshot = Snapshot("folder", (ITEM, described), (("c", "unreadable"),), (("d", "6"), ("e", None)))
    assert snapshot_from_literals(json.loads(json.dumps(snapshot.as_literals()))) == snapshot
    assert snapshot.bytes == 12
