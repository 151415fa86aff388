"""Whether the caller still listens: work for one who has hung up is stopped.

Nobody looks in the first moment. To begin takes as long as some short answers do; afterwards an engine is at work, and
it costs nobody time.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from starlette.types import Receive

_MOMENT_SECONDS = 0.01


class WhileListening:
    """A context whose inside is cancelled when the caller hangs up, and which then ends quietly.

    It works as `asyncio.timeout` does: the task itself is cancelled, so that whatever it waits for is cleared away.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_inside = self._has_hung_up = False
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "an answer is made in a task"
        self._task, self._is_inside = task, True
        self._beginning = asyncio.get_running_loop().call_later(_MOMENT_SECONDS, self._begin)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._is_inside = False
        self._beginning.cancel()
        if self._watch is not None:
            self._watch.cancel()
        # Somebody else may have cancelled the task too: then it is not over here.
        return self._has_hung_up and self._task.uncancel() == 0 and kind is asyncio.CancelledError

    def _begin(self) -> None:
        self._watch = asyncio.create_task(_hung_up(self._receive))
        self._watch.add_done_callback(self._stop)

    def _stop(self, watch: asyncio.Task[None]) -> None:
        if watch.cancelled():
            return
        watch.exception()  # one that cannot be heard any more has hung up as well
        if self._is_inside:
            self._has_hung_up = True
            self._task.cancel()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
