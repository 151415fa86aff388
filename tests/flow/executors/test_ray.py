"""Pieces of a step on a real Ray cluster: two nodes on this machine, one of them killed on the way."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import KilledError, StepError
from ingot.flow.crew import Crew
from ingot.flow.executors.ray import Executor, perform_literals
from ingot.flow.home import Home
from ingot.flow.request import Request
from ingot.flow.runner import Options, run
from ingot.flow.step import Step
from ingot.flow.tasks import Task, Tasks
from tests.flow.secrets_for_tests import LookConfig

ray_cluster = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed (pip install 'ingot[ray]')")

HERE = "tests.flow.tasks_for_tests"
# Ray leaves sockets and processes to the interpreter's end.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    memory = {"object_store_memory": 80 << 20}
    nodes = ray_cluster.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **memory})
    nodes.second = nodes.add_node(num_cpus=1, **memory)
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    yield nodes
    nodes.shutdown()


def numbers(tmp_path: Path, count: int, seconds: float) -> list[Task]:
    journal = str(tmp_path / "journal")
    return [Task(f"{number:05}", {"number": number, "journal": journal, "seconds": seconds}) for number in range(count)]


def test_a_node_that_is_lost_costs_nothing_but_time(tmp_path: Path, cluster: Any) -> None:
    def kill_when_under_way() -> None:
        while not list((tmp_path / "out").glob("0*")):
            time.sleep(0.05)
        cluster.remove_node(cluster.second, allow_graceful=False)

    killer = threading.Thread(target=kill_when_under_way)
    killer.start()
    facts = Tasks(Executor().pool, 2).run(f"{HERE}:double", numbers(tmp_path, 12, 0.3), tmp_path / "out")
    killer.join()
    assert [each["result"] for each in facts] == [2 * number for number in range(12)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{number:05}" for number in range(12)]


def test_a_node_that_does_not_see_the_home_says_so(tmp_path: Path) -> None:
    call = {"run": f"{HERE}:double", "name": "00000", "request": {}, "out": str(tmp_path / "elsewhere")}
    assert "does not see" in perform_literals(call)["error"]["what"]


@pytest.mark.slow
def test_a_cluster_that_is_gone_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    step = Step("look", "x-look", "Look", "tests.flow.secrets_for_tests:look", LookConfig("file:x", 3))
    with pytest.raises(StepError, match="the Ray cluster cannot be reached") as caught:
        run([step], Home(tmp_path), Options(executor="ray", cores=1))
    assert "unset RAY_ADDRESS" in caught.value.fix


def test_members_of_a_crew_are_spread_over_the_nodes(tmp_path: Path, cluster: Any) -> None:
    scratch = tmp_path / "home" / "work" / "step.scratch"
    scratch.mkdir(parents=True)
    request = Request("train", "", {}, {}, {}, str(tmp_path), str(scratch), 2, "ray", processes=2)
    assert Crew(2, {}, None, Executor().start, request).run("tests.flow.executors.test_slurm:ranked") == {"size": 2}
    assert len({path.name.split("-at-")[1] for path in scratch.glob("was-*-of-2-at-tcp*")}) == 1


def test_a_node_that_is_lost_ends_the_crew(tmp_path: Path, cluster: Any) -> None:
    scratch = tmp_path / "home" / "work" / "step.scratch"
    scratch.mkdir(parents=True)
    request = Request("train", "", {"seconds": 60.0}, {}, {}, str(tmp_path), str(scratch), 2, "ray", processes=2)

    def lose() -> None:
        while len(list(scratch.glob("*/rank-*.jsonl"))) < 2:
            time.sleep(0.05)
        cluster.remove_node(cluster.second, allow_graceful=False)

    killer = threading.Thread(target=lose)
    killer.start()
    with pytest.raises(KilledError, match=r"rank . of 2 was killed from outside"):
        Crew(2, {}, None, Executor().start, request).run("tests.flow.steps_for_tests:sleep")
    killer.join()
