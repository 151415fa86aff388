from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from ingot.flow.stopping import Stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_while_it_is_minded_a_signal_only_asks(number: signal.Signals) -> None:
    stopping, before = Stopping(), signal.getsignal(number)
    with stopping.minded():
        assert stopping.is_minded
        assert not stopping.is_asked()
        os.kill(os.getpid(), number)
        time.sleep(0.01)
        assert stopping.is_asked()
    assert not stopping.is_minded
    assert signal.getsignal(number) is before


def test_in_another_thread_signals_stay_as_they_are() -> None:
    stopping, before, seen = Stopping(), signal.getsignal(signal.SIGTERM), []

    def mind() -> None:
        with stopping.minded():
            seen.append(signal.getsignal(signal.SIGTERM))
            stopping.ask()

    thread = threading.Thread(target=mind)
    thread.start()
    thread.join()
    assert seen == [before]
    assert stopping.is_asked()
