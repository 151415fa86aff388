from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ingot.core.hardware import memory_bytes
from ingot.core.memory_limit import memory_limit

MIB = 1 << 20


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/\n"}, None),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{512 * MIB}\n"}, 512 * MIB),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/memory.max": f"{900 * MIB}\n",
                "sys/fs/cgroup/a/memory.max": f"{700 * MIB}\n",
            },
            700 * MIB,
        ),
        (
            {
                "proc/self/cgroup": "9:name=systemd:/x\n4:cpu,memory:/jobs/7\n0::/\n",
                "sys/fs/cgroup/memory/jobs/7/memory.limit_in_bytes": f"{300 * MIB}\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            300 * MIB,
        ),
        (  # a container of version 1: the path is the host's, and the mount begins at the container's own group
            {
                "proc/self/cgroup": "4:memory:/docker/1f\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{256 * MIB}\n",
            },
            256 * MIB,
        ),
        ({"proc/self/cgroup": "nonsense\n4:memory\n"}, None),
    ],
)
def test_the_smallest_limit_on_the_way_up_counts(tmp_path: Path, files: dict[str, str], limit: int | None) -> None:
    unlimited = memory_limit(tmp_path)  # what this test itself runs under
    found = memory_limit(write(tmp_path, files))
    assert found == (limit if unlimited is None else min(limit or unlimited, unlimited))


def test_what_is_said_of_the_machine_is_no_more_than_a_process_may_have() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_DATA, (700 << 20,) * 2);"
        "from ingot.core.hardware import memory_bytes; print(memory_bytes())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(said) == min(700 * MIB, memory_bytes())
