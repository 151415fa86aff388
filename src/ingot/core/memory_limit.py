"""How much memory a process is allowed, where that is less than the machine has.

A container, a service of systemd and a batch system all say it as a control group: the kernel ends a process of the
group when they need more together. The limit of a group holds for the groups inside it, so the smallest on the way up
counts. `ulimit` is looked at as well: beyond it nothing more is given to the one process.
Source: Linux, Documentation/admin-guide/cgroup-v2.rst (memory.max) and cgroup-v1/memory.rst (memory.limit_in_bytes);
cgroups(7), setrlimit(2).
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_GROUPS = "proc/self/cgroup"
_SECOND = ("sys/fs/cgroup", "sys/fs/cgroup/unified")  # the second where both versions are mounted
_FIRST = "sys/fs/cgroup/memory"


def memory_limit(root: Path = Path("/")) -> int | None:
    """Return the bytes that this process may use, or None where nothing limits it. `root` is where /proc and /sys are.

    A number that no machine has means no limit in version 1 of control groups: compare it with what there is.
    """
    return min((*_of_groups(root), *_of_process()), default=None)


def _of_groups(root: Path) -> Iterator[int]:
    try:
        lines = (root / _GROUPS).read_text(encoding="utf-8").splitlines()
    except OSError:  # another system, or one without control groups
        return
    for line in lines:
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0":
            for mounted in _SECOND:
                yield from _up(root / mounted, path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _up(root / _FIRST, path, "memory.limit_in_bytes")


def _up(mounted: Path, path: str, name: str) -> Iterator[int]:
    """Yield the limits of a group and of those around it. Inside a container the mount may begin further down."""
    group = PurePosixPath(path.lstrip("/"))
    for one in (group, *group.parents):
        try:
            text = (mounted / one / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdecimal():  # else it says "max"
            yield int(text)


def _of_process() -> Iterator[int]:
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, _ = resource.getrlimit(kind)
        if soft != resource.RLIM_INFINITY:
            yield soft
