from __future__ import annotations

from pathlib import Path

from ingot.data.tombstones import Tombstone, tombstones, write_tombstones


def test_what_was_written_is_read_and_nothing_where_nothing_was_erased(tmp_path: Path) -> None:
    assert tombstones(tmp_path) == []
    stones = [Tombstone("a" * 32, "2026-02-03", "she asked"), Tombstone("b" * 32, "2026-02-04", 'a "reason"\n')]
    write_tombstones(tmp_path, stones)
    assert tombstones(tmp_path) == stones
