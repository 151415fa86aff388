"""The same documents on this machine and on a cluster of two nodes, one of them lost on the way: the same artifacts."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ingot.flow.home import Home
from ingot.flow.runner import Options, run
from ingot.flow.tasks import NOTE_FILE
from tests.data.datasets import VOCABULARY, recipe

ray_cluster = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed (pip install 'ingot[ray]')")

# A shard has at most 2,048 documents: three shards, so that there is work for both nodes.
DOCUMENTS = 4_500
_THEIRS = ("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(*_THEIRS)]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    memory = {"object_store_memory": 80 << 20}
    nodes = ray_cluster.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **memory})
    nodes.second = nodes.add_node(num_cpus=1, **memory)
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    yield nodes
    nodes.shutdown()


def contents(home: Home) -> dict[str, bytes]:
    return {
        f"{artifact.reference}/{name}": (artifact.path / name).read_bytes()
        for artifact in home.all()
        for name in artifact.record.files
        if not name.endswith(NOTE_FILE)  # a note names the paths of its request
    }


def test_a_cluster_that_loses_a_node_makes_the_same_bytes(tmp_path: Path, cluster: Any) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(DOCUMENTS):
        (docs / f"{number}.txt").write_text(" ".join(random.Random(number).choices(VOCABULARY, k=40)) + "\n")
    here, there = Home(tmp_path / "here"), Home(tmp_path / "there")
    run(recipe(docs), here, Options("local"))

    def lose_a_node() -> None:
        while not list((tmp_path / "there/work").glob("x-dataset.*/unfinished/annotations/shards/0*")):
            time.sleep(0.05)
        cluster.remove_node(cluster.second, allow_graceful=False)

    killer = threading.Thread(target=lose_a_node, daemon=True)
    killer.start()
    run(recipe(docs), there, Options("ray"))
    killer.join(timeout=1)
    assert not killer.is_alive(), "the second node was never lost"
    assert [artifact.fingerprint for artifact in here.all()] == [artifact.fingerprint for artifact in there.all()]
    assert contents(here) == contents(there)
