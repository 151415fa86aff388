"""Run steps here and their pieces on a Ray cluster (`pip install 'ingot[ray]'`).

The cluster is the one RAY_ADDRESS names or this machine is part of; without one, one of this machine alone is started
for the step. Its nodes need this version of Ingot and the home folder at the same path (a shared file system): pieces
are read and written there, so nothing of the documents travels through Ray itself. A node that is lost costs what its
workers were at; Ray runs that elsewhere.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ingot.core.errors import KilledError, MissingExtraError, StepError
from ingot.flow.crew import CrewCall, Ended, write_call
from ingot.flow.executors import local
from ingot.flow.process_pool import CALLS_OF_A_WORKER
from ingot.flow.tasks import Call, perform

_CALLS_AHEAD = 2  # per core of the cluster
_ATTEMPTS_AFTER_LOSS = 3
_ASK, _END = "asked", "ended"
_LOOK_EVERY_SECONDS = 0.2
_SECONDS_TO_END = 10.0


@dataclass(frozen=True)
class Config:
    """The Ray executor has nothing to set: the cluster is named by RAY_ADDRESS, as everywhere with Ray."""


class Executor(local.Executor):
    """Runs requests as the local executor does; their pieces go to the cluster."""

    # Nodes have environments of their own. A step that did one piece here and others there would use two keys.
    shares_environment = False

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()

    def pool(self, cores: int) -> Cluster:  # type: ignore[override]  # another pool, by design
        """Return the cluster, for the pieces of a step."""
        return Cluster(cores)

    def start(self, call: CrewCall, folder: Path) -> RayMembers:  # type: ignore[override]  # other members, by design
        """Start the members of a crew on the nodes of the cluster, spread over as many as there are."""
        return RayMembers(call, folder)


class Cluster:
    """Performs calls as Ray tasks. `cores` bounds a cluster that is started here; a running one has its own."""

    def __init__(self, cores: int) -> None:
        self._cores = cores

    def map(self, calls: Iterable[Call]) -> Iterator[dict[str, Any]]:
        """Yield the outcomes as they come. Raises KilledError when a call's workers kept dying."""
        ray = _connected(self._cores)
        # A worker is replaced as often as those of one machine are, for the same reason.
        settings = {"max_retries": _ATTEMPTS_AFTER_LOSS, "num_cpus": 1, "max_calls": CALLS_OF_A_WORKER}
        remote = ray.remote(**settings)(perform_literals)
        waiting = deque(calls)
        under_way: list[Any] = []
        ahead = _CALLS_AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        try:
            while waiting or under_way:
                while waiting and len(under_way) < ahead:
                    under_way.append(remote.remote(asdict(waiting.popleft())))
                ended, under_way = ray.wait(under_way)
                yield from _outcomes(ray, ended)
        finally:
            ray.shutdown()


class RayMembers:
    """Members of a crew on a cluster: a task each, which runs the member as a process and looks after it.

    What they are asked stands as an empty file in the folder they all see, like everything they tell.
    """

    are_children = False

    def __init__(self, call: CrewCall, folder: Path) -> None:
        self._ray = _connected(call.request["cores"] * call.size)
        self._folder = folder
        needs = {"CPU": call.request["cores"], **({"GPU": 1} if self._ray.cluster_resources().get("GPU") else {})}
        self._group = self._ray.util.placement_group([needs] * call.size, strategy="SPREAD")
        where = self._ray.get(self._task(meeting_point, 0, needs).remote())
        path = write_call(replace(call, meeting=where), folder)
        self._tasks = [self._task(run_member, rank, needs).remote(str(path), rank) for rank in range(call.size)]

    def ended(self) -> dict[int, Ended]:
        done, _ = self._ray.wait(self._tasks, num_returns=len(self._tasks), timeout=0)
        return {rank: self._end_of(task) for rank, task in enumerate(self._tasks) if task in done}

    def is_waiting(self) -> bool:
        return False

    def ask(self) -> None:
        (self._folder / _ASK).touch()

    def end(self) -> None:
        (self._folder / _END).touch()
        self._ray.wait(self._tasks, num_returns=len(self._tasks), timeout=_SECONDS_TO_END)
        self._ray.util.remove_placement_group(self._group)
        self._ray.shutdown()

    def _task(self, function: Any, rank: int, needs: Mapping[str, float]) -> Any:
        strategy = self._ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(
            self._group, placement_group_bundle_index=rank
        )
        options = {"num_cpus": needs["CPU"], "num_gpus": needs.get("GPU", 0), "max_retries": 0}
        return self._ray.remote(**options)(function).options(scheduling_strategy=strategy)

    def _end_of(self, task: Any) -> Ended:
        try:
            code: int = self._ray.get(task)
        except self._ray.exceptions.RayError as error:
            return Ended(f"its node or worker was lost: {str(error).strip().splitlines()[0]}", is_killed=True)
        if code >= 0:
            return Ended(f"exit code {code}" if code else "")
        return Ended(signal.Signals(-code).name, is_killed=-code not in local.CRASHES)


def meeting_point() -> str:
    """Return an address at which this node can be met; runs in a Ray worker."""
    import ray

    with socket.socket() as free:
        free.bind(("", 0))
        address = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]  # published without types
        return f"tcp://{address}:{free.getsockname()[1]}"


def run_member(call: str, rank: int) -> int:
    """Run a member as a process, look after it, and return its exit code; runs in a Ray worker."""
    folder, asked = Path(call).parent, False
    member = subprocess.Popen([sys.executable, "-m", "ingot.flow.member", call, str(rank)], stdin=subprocess.PIPE)
    while (code := member.poll()) is None:
        if (folder / _END).exists() or not folder.exists():
            member.kill()
        elif not asked and (folder / _ASK).exists():
            asked = True
            member.terminate()
        time.sleep(_LOOK_EVERY_SECONDS)
    return code


def perform_literals(call: dict[str, Any]) -> dict[str, Any]:
    """Do one call on a node; runs in a Ray worker."""
    if not Path(call["out"]).is_dir():
        return {"name": call["name"], "error": _not_shared(call["out"]).as_fields()}
    return perform(Call(**call))


def _connected(cores: int) -> Any:
    """Join the cluster RAY_ADDRESS names or this machine is part of; without one, start one of `cores` here."""
    try:
        import ray
    except ModuleNotFoundError:
        raise MissingExtraError("the Ray executor", "ray") from None
    settings: dict[str, Any] = {"log_to_driver": False, "include_dashboard": False, "configure_logging": False}
    try:
        try:
            ray.init(num_cpus=cores, **settings)
        except ValueError:  # a cluster that runs has its own number of cores
            ray.init(log_to_driver=False, configure_logging=False)
    except (ConnectionError, OSError, RuntimeError) as error:
        raise StepError(
            "the Ray cluster cannot be reached",
            where="RAY_ADDRESS",
            why=str(error),
            fix="check that `ray status` answers on this machine, or unset RAY_ADDRESS to use this machine alone",
        ) from error
    return ray


def _outcomes(ray: Any, ended: list[Any]) -> Iterator[dict[str, Any]]:
    try:
        yield from ray.get(ended)
    except ray.exceptions.RayError as error:
        raise KilledError(
            f"a piece of the step was lost {_ATTEMPTS_AFTER_LOSS + 1} times on the Ray cluster",
            why=str(error).strip().splitlines()[0],
            fix="look at `ray status` and the memory of the nodes, then run the same command again: it goes on",
        ) from error


def _not_shared(out: str) -> StepError:
    return StepError(
        f"a node of the Ray cluster does not see {out}",
        why="pieces are read from and written to the home folder, which every node needs at the same path",
        fix="put the home on a file system that all nodes share (--home), then run the same command again",
    )
