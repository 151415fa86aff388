from __future__ import annotations

import subprocess
import sys
import time

from ingot.train.watchdog import Watchdog
from tests.train.small import Told

HANGING = """
import sys, time
from ingot.train.watchdog import Watchdog

def wait_for_a_peer_that_is_gone():
    {hang}

def tell(kind, /, **fields):
    print(kind, fields["rank"], fields["text"], flush=True)

with Watchdog(tell, rank=3, least_seconds=0.4) as dog:
    dog.beat(7)
    wait_for_a_peer_that_is_gone()
"""


def hang(how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", HANGING.format(hang=how)], check=False, capture_output=True, text=True)


def test_a_training_that_hangs_says_so_shows_where_and_ends() -> None:
    done = hang("time.sleep(60)")
    assert done.returncode == -3  # SIGQUIT: from outside, for whoever waits for this process
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
