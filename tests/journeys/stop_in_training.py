"""Start a build, wait until training has written a second checkpoint, and kill it with everything below it.

python tests/journeys/stop_in_training.py HOME build PATH --name NAME ...
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main(home: Path, arguments: list[str]) -> int:
    """Return 0 when the build was stopped in time."""
    ingot = str(Path(sys.executable).with_name("ingot"))
    build = subprocess.Popen([ingot, *arguments, "--home", str(home)], start_new_session=True)
    while build.poll() is None:
        if len(list(home.glob("work/*/checkpoints/step-*"))) >= 2:
            os.killpg(build.pid, signal.SIGKILL)
            build.wait()
            return 0
        time.sleep(0.01)
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
