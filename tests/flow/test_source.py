from __future__ import annotations

from dataclasses import replace

from ingot.flow.source import Snapshot, SourceItem, snapshot_from_literals

ITEM = SourceItem("a/b.txt", "/here/a/b.txt", 3, "00ff", 1.5)


def test_place_and_time_do_not_change_the_digest() -> None:
    moved = replace(ITEM, locator="/there/b.txt", modified=9.0)
    assert Snapshot("folder", (ITEM,)).digest == Snapshot("folder", (moved,)).digest


def test_name_and_content_do() -> None:
    digests = {
        Snapshot("folder", (item,)).digest
        for item in (ITEM, replace(ITEM, uri="a/c.txt"), replace(ITEM, sha256="00fe"))
    }
    assert len(digests) == 3


def test_survives_as_literals() -> None:
    snapshot = Snapshot("folder", (ITEM,), (("c", "unreadable"),))
    assert snapshot_from_literals(snapshot.as_literals()) == snapshot
    assert snapshot.bytes == 3
