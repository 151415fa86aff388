"""A throw-away PostgreSQL cluster on a socket in a temporary folder, for as long as a block lasts."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

PASSWORD = "open sesame"


def missing_programs() -> str:
    """Return why no cluster can be started here, or an empty string."""
    missing = [name for name in ("initdb", "pg_ctl", "postgres") if not _program(name)]
    if missing:
        return f"no {', '.join(missing)} here: install PostgreSQL"
    if os.geteuid() == 0 and _somebody() is None:
        return "PostgreSQL refuses to run as root, and there is no other user"
    return ""


def _program(name: str) -> str:
    """Return where a program is; Debian keeps those of a server out of the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name) or next((str(path / name) for path in folders if (path / name).is_file()), "")


def _somebody() -> int | None:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    return None


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """Start a cluster that asks for a password, and yield its address without one."""
    # A socket's path may have 107 characters, which a folder of pytest exceeds; and it may be a folder of root's alone.
    place = Path(tempfile.mkdtemp(prefix="ingot-pg-", dir="/tmp"))
    user = _somebody() if os.geteuid() == 0 else None
    (place / "password").write_text(PASSWORD, encoding="utf-8")
    if user is not None:
        for path in (place, place / "password"):
            os.chown(path, user, -1)
    data = place / "data"
    options = f"-c listen_addresses='' -c unix_socket_directories={place} -c fsync=off -c shared_buffers=16MB"
    try:
        account = ("-U", "reader", "--auth=scram-sha-256", f"--pwfile={place}/password")
        _run(user, "initdb", "-D", data, *account, "-E", "UTF8", "--locale=C", "--no-sync")
        _run(user, "pg_ctl", "-D", data, "-o", options, "-l", place / "log", "-w", "start")
        try:
            yield f"postgresql+psycopg://reader@/postgres?host={place}"
        finally:
            _run(user, "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(place)


def _run(user: int | None, *command: object) -> None:
    words = [_program(str(command[0])), *map(str, command[1:])]
    result = subprocess.run(
        words, user=user, cwd="/", capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    assert result.returncode == 0, result.stdout + result.stderr
