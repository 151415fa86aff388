"""Run steps here and their pieces on a Ray cluster (`pip install 'ingot[ray]'`).

The cluster is the one RAY_ADDRESS names or this machine is part of; without one, one of this machine alone is started
for the step. Its nodes need this version of Ingot and the home folder at the same path (a shared file system): pieces
are read and written there, so nothing of the documents travels through Ray itself. A node that is lost costs what its
workers were at; Ray runs that elsewhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingot.core.errors import KilledError, MissingExtraError, StepError
from ingot.flow.executors import local
from ingot.flow.tasks import Call, perform

_CALLS_AHEAD = 2  # per core of the cluster
_ATTEMPTS_AFTER_LOSS = 3


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


class Cluster:
    """Performs calls as Ray tasks. `cores` bounds a cluster that is started here; a running one has its own."""

    def __init__(self, cores: int) -> None:
        self._cores = cores

    def map(self, calls: Iterable[Call]) -> Iterator[dict[str, Any]]:
        """Yield the outcomes as they come. Raises KilledError when a call's workers kept dying."""
        ray = _connected(self._cores)
        remote = ray.remote(max_retries=_ATTEMPTS_AFTER_LOSS, num_cpus=1)(perform_literals)
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
