from __future__ import annotations

from pathlib import Path

from ingot.core.tables import parts
from ingot.data.config import CurateConfig
from ingot.data.explore import TABLES
from ingot.data.report.repeats import Cluster, Repeats
from ingot.data.report.tables import read
from tests.data.datasets import corpus, dataset, words

TEXTS = corpus() | {
    "900.txt": words(3),
    "901.txt": words(3),
    "902.txt": words(4) + " one more",
    "903.txt": words(4) + " one more",  # the same as one that nearly repeats another
}


def gathered(folder: Path, config: CurateConfig) -> tuple[Repeats, list[Cluster]]:
    dataset(folder, TEXTS, config, shards=3)
    repeats = Repeats()
    for part in read(folder):
        repeats.add(part)
    return repeats, repeats.clusters([(table, path) for table in TABLES for path in parts(folder, table)])


def test_repeats_are_counted_as_what_became_of_them(tmp_path: Path) -> None:
    repeats, _ = gathered(tmp_path / "kept", CurateConfig())
    assert repeats.counted(exact=True).documents == 3
    assert repeats.counted(exact=False, dropped=False).documents == 1
    assert repeats.counted(exact=False, dropped=True) == (0, 0)
    repeats, _ = gathered(tmp_path / "dropped", CurateConfig(drop_near_duplicates=True))
    assert repeats.counted(exact=False, dropped=True).documents == 1


def test_a_cluster_has_all_that_repeats_one_document_directly_or_not(tmp_path: Path) -> None:
    _, clusters = gathered(tmp_path / "dataset", CurateConfig())
    found = {
        each.original.uri: {(member.uri, member.is_exact, member.table == "dropped") for member in each.members}
        for each in clusters
        if each.original
    }
    assert found == {
        "003.txt": {("900.txt", True, True), ("901.txt", True, True)},
        "004.txt": {("902.txt", False, False), ("903.txt", True, True)},
    }
    assert [each.documents for each in clusters] == [3, 3]


def test_a_dataset_without_repeats_has_no_clusters(tmp_path: Path) -> None:
    dataset(tmp_path / "dataset", corpus())
    repeats = Repeats()
    for part in read(tmp_path / "dataset"):
        repeats.add(part)
    assert repeats.counted(exact=True) == (0, 0)
    assert repeats.clusters([]) == []
