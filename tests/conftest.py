"""What holds for every test: no network, no writing in the user's home, and skips that can be forbidden.

Loopback stays open (the gateway is tested with a real client). The guard is an audit hook, so a library that opens
sockets behind our back is caught too; an attempt that the code under test swallows still fails the test at its end.
Child processes are outside its reach: .ci/run repeats the suite in a network namespace with only loopback.
"""

from __future__ import annotations

import ipaddress
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# One thread per worker: two workers on two cores stay out of each other's way, and sums keep their order.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Libraries that would look something up online are told, in children too, that there is no network.
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1")

# Ray joins the cluster that was started last with the same folder: workers of pytest must not join one another's.
# Short and outside pytest's folders, because the path of a socket may have 107 characters.
_RAY_FOLDER = tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True)
os.environ["RAY_TMPDIR"] = _RAY_FOLDER.name

_attempts: list[str] = []
_LOOPBACK_NAMES = {"localhost", "ip6-localhost", ""}


def _is_outside(host: object) -> bool:
    """Say whether a host is another machine. A name that is not loopback counts: asking for it is already traffic."""
    name = host.decode(errors="replace") if isinstance(host, bytes) else host
    if not isinstance(name, str) or name in _LOOPBACK_NAMES:
        return False
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return True
    return not (address.is_loopback or address.is_unspecified)


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""  # a string is a local (unix) socket
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if _is_outside(host):
        _attempts.append(f"{event} to {host!r}")
        raise OSError(f"the tests allow loopback only: {event} to {host!r}")


sys.addaudithook(_refuse_network)


@pytest.fixture(autouse=True)
def offline_guard() -> Iterator[list[str]]:
    """Fail a test that tried to reach another machine, even when the code under test hid the refusal."""
    before = len(_attempts)
    yield _attempts
    tried = _attempts[before:]
    del _attempts[before:]
    if tried:
        pytest.fail(f"the test tried to leave this machine: {'; '.join(tried)}", pytrace=False)


@pytest.fixture(autouse=True)
def ingot_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test, and the commands it starts, an empty home of their own; return its path."""
    home = tmp_path / "ingot-home"
    monkeypatch.setenv("INGOT_HOME", str(home))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hugging-face"))
    return home


# --- `--no-skips`: on a machine that has everything, a skip is a hole in the checks ---------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="fail on every skip that is not marked gpu (.ci/run)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    report = yield
    is_forbidden = item.config.getoption("no_skips") and item.get_closest_marker("gpu") is None
    if is_forbidden and report.skipped and not hasattr(report, "wasxfail"):
        _turn_into_failure(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[Any]:
    report = yield
    if collector.config.getoption("no_skips") and report.skipped:
        _turn_into_failure(report)
    return report


def _turn_into_failure(report: Any) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"skipped, and --no-skips allows none: {reason}"
