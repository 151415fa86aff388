from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from ingot.train.watchdog import Watchdog
from tests.train.small import Told

HANGING = """
import signal, sys, time
from ingot.train.watchdog import Watchdog

def wait_for_a_peer_that_is_gone():
    time.sleep(60)

def tell(kind, /, **fields):
    print(kind, fields["rank"], fields["text"], flush=True)

signal.signal(signal.SIGQUIT, signal.{handler})
with Watchdog(tell, rank=3, least_seconds=0.4) as dog:
    dog.beat(7)
    wait_for_a_peer_that_is_gone()
"""


@pytest.mark.parametrize(("handler", "number"), [("SIG_DFL", signal.SIGQUIT), ("SIG_IGN", signal.SIGKILL)])
def test_a_training_that_hangs_says_so_shows_where_and_ends(handler: str, number: signal.Signals) -> None:
    """Also when it was started in the background of a script, where signals of the keyboard are ignored."""
    script = HANGING.format(handler=handler)
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == -number  # from outside, for whoever waits for this process
    assert "warning 3 rank 3 hangs: nothing came after step 7" in done.stdout
    assert "wait_for_a_peer_that_is_gone" in done.stderr


def test_steps_that_come_keep_it_quiet() -> None:
    told = Told()
    with Watchdog(told, least_seconds=0.5) as dog:
        for step in range(10):
            time.sleep(0.1)
            dog.beat(step)
        assert dog.limit_seconds >= 20 * 0.1
    assert told.events == []
