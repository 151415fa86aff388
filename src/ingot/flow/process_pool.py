"""A pool of processes of this machine for shard tasks, on the standard library's.

Workers start fresh instead of forking, because the step has loaded libraries with threads by then. A worker ends when
its parent is gone. When one dies the pool is replaced, and what its workers were at is tried again; it is also replaced
after a while, so that memory does not grow with the number of calls.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ingot.core.errors import KilledError
from ingot.core.secrets import offer_environment
from ingot.flow.tasks import Call, perform

ATTEMPTS = 3
_CALLS_AHEAD = 2  # per worker: none waits for its next one, and requests do not pile up
# Then workers are replaced. Libraries keep a little memory of every call (up to 1 MB, measured): it must not add up.
CALLS_OF_A_WORKER = 32
_PARENT_IS_GONE = 70


class ProcessPool:
    """Performs calls in `workers` processes of one thread each."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def map(self, calls: Iterable[Call]) -> Iterator[dict[str, Any]]:
        """Yield the outcomes as they come. Raises KilledError when a call was under way at `ATTEMPTS` deaths."""
        waiting, deaths = deque(calls), Counter[str]()
        while waiting:
            under_way = yield from self._generation(waiting)
            deaths.update(call.name for call in under_way)
            if any(deaths[call.name] >= ATTEMPTS for call in under_way):
                raise _killed(under_way)
            waiting.extendleft(reversed(under_way))

    def _generation(self, waiting: deque[Call]) -> Generator[dict[str, Any], None, list[Call]]:
        """Take calls from `waiting` and yield their outcomes, until workers have done enough or one dies.

        Returns the calls that were under way at a death.
        """
        context = multiprocessing.get_context("spawn")
        executor = ProcessPoolExecutor(self._workers, context, _begin)
        under_way: dict[Future[dict[str, Any]], Call] = {}
        left = CALLS_OF_A_WORKER * self._workers
        try:
            while (waiting and left) or under_way:
                while waiting and left and len(under_way) < _CALLS_AHEAD * self._workers:
                    under_way[executor.submit(perform, waiting[0])] = waiting[0]
                    waiting.popleft()
                    left -= 1
                ended, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield future.result()
                    del under_way[future]
        except BrokenProcessPool:
            pass
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
        return list(under_way.values())


def _begin() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # A child of the command, which has the same. It is handed on, no setting is read.
    offer_environment({**os.environ})  # noqa: TID251
    for library in ("OMP", "RAYON", "NUMBA"):
        os.putenv(f"{library}_NUM_THREADS", "1")  # read when the library is loaded, by the first call


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(_PARENT_IS_GONE)


def _killed(under_way: list[Call]) -> KilledError:
    return KilledError(
        f"the workers at {', '.join(call.name for call in under_way)} were ended {ATTEMPTS} times from outside",
        where=under_way[0].run,
        why="the system may have been out of memory",
        fix="use fewer cores (--cores 1) or close other programs, then run the same command again: it goes on",
    )
