"""One recipe file on one core, with two processes, and on two nodes: the same artifact, the same losses."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from ingot.flow.home import Home
from ingot.flow.recipe_file import read_recipe
from ingot.flow.runner import Options, run
from tests.data.datasets import VOCABULARY

ray_cluster = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed (pip install 'ingot[ray]')")

_THEIRS = ("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(*_THEIRS)]

RECIPE = """
steps:
  documents:
    run: ingot.data.run:read
    kind: Documents
    artifact: documents
    sources:
      docs: {connector: folder, config: {paths: [./docs]}}
  dataset:
    run: ingot.data.run:curate
    kind: Dataset
    artifact: dataset
    inputs: {documents: documents}
  tokenizer:
    run: ingot.tokenizer.run:train
    kind: Tokenizer
    artifact: tokenizer
    inputs: {dataset: dataset}
    config: {vocabulary: 384}
  shards:
    run: ingot.data.run:tokenize
    kind: Shards
    artifact: shards
    inputs: {dataset: dataset, tokenizer: tokenizer}
  model:
    run: ingot.train.run:pretrain
    kind: Model
    artifact: model
    resumable: true
    inputs: {shards: shards, tokenizer: tokenizer}
    config:
      model: {vocabulary: 384, width: 32, layers: 2, heads: 4, kv_heads: 2, head_width: 16, ffn_width: 64}
      steps: 12
      batch_size: 4
      sequence_length: 32
      learning_rate: 0.001
      checkpoint_every: 4
      precision: fp32
"""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    memory = {"object_store_memory": 80 << 20}
    nodes = ray_cluster.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **memory})
    nodes.add_node(num_cpus=1, **memory)
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    yield nodes
    nodes.shutdown()


def losses(home: Home) -> list[float]:
    (model,) = [artifact for artifact in home.all() if artifact.record.name == "model"]
    return [json.loads(line)["loss"] for line in (model.path / "curve.jsonl").read_text().splitlines()]


def test_a_recipe_runs_wherever_it_is_run(tmp_path: Path, cluster: Any) -> None:
    (tmp_path / "docs").mkdir()
    for number in range(60):
        words = random.Random(number).choices(VOCABULARY, k=60)
        (tmp_path / f"docs/{number}.txt").write_text(" ".join(words) + "\n")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    steps = read_recipe(tmp_path / "recipe.yaml")
    alone, two, nodes = (Home(tmp_path / name) for name in ("alone", "two", "nodes"))
    run(steps, alone, Options("local", cores=1))
    run(steps, two, Options("local", cores=2, processes=2))
    run(steps, nodes, Options("ray", cores=2, processes=2))
    for home in (two, nodes):
        assert [made.fingerprint for made in home.all()] == [made.fingerprint for made in alone.all()]
        assert losses(home) == pytest.approx(losses(alone), abs=1e-5)
