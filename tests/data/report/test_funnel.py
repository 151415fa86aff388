from __future__ import annotations

from datetime import date
from pathlib import Path

from ingot.data.config import CurateConfig
from ingot.data.report import funnel, tables
from ingot.data.report.funnel import Row
from ingot.data.report.origin import Origin, trace
from ingot.data.report.sections import Gathered
from ingot.data.rules import Rule
from tests.data.datasets import corpus
from tests.data.homes import home_of

TODAY = date(2026, 4, 1)


def rows_of(folder: Path, config: CurateConfig, **more: object) -> tuple[Origin, list[Row]]:
    # Settings of several types in one mapping.
    home = home_of(folder, corpus() | {"long.txt": "x " * 9000}, config, **more)  # type: ignore[arg-type]
    dataset = home.get("acme-dataset")
    gathered = Gathered.of(dataset)
    for part in tables.read(dataset.path):
        gathered.add(part)
    traced = trace(home, dataset)
    return traced, funnel.documents(traced, gathered.contents, gathered.drops.reasons, None)


def test_what_is_lost_lies_at_the_end_of_what_there_was(tmp_path: Path) -> None:
    _, rows = rows_of(tmp_path / "home", CurateConfig(drop=(Rule("long", "bytes", above=5000),)))
    read, lost, kept, held_out, train = rows
    assert (read.name, read.start, read.width, read.kind) == ("Documents", 0, 100, "stage")
    assert (lost.name, lost.kind) == ("dropped: long", "loss")
    assert abs(lost.start - kept.width) < 0.1
    assert abs(lost.start + lost.width - 100) < 0.1
    assert abs(held_out.start - train.width) < 0.1
    assert abs(held_out.start + held_out.width - kept.width) < 0.1
    assert (held_out.kind, train.kind) == ("aside", "own")


def test_rare_reasons_are_shown_together(tmp_path: Path) -> None:
    failures = [{"uri": f"{number}.pdf", "reason": f"reason {number}", "fix": ""} for number in range(9)]
    traced, _ = rows_of(tmp_path / "home", CurateConfig(), failures=failures)
    first, *lost = funnel.files(traced)
    assert first.amount.startswith("70,")  # with the nine that could not be read
    assert len(lost) == funnel.MOST_LOSSES
    assert lost[-1].name == "not read: 4 other reasons"
    assert lost[-1].amount == "4"


def test_bars_stay_inside_the_width(tmp_path: Path) -> None:
    _, rows = rows_of(tmp_path / "home", CurateConfig(drop=(Rule("one", "bytes", above=5000),)))
    for row in rows:
        assert 0 <= row.start <= 100
        assert row.start + row.width <= 100.01
