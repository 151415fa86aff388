"""The rules of the test suite itself: nothing leaves the machine, and .ci/run accepts no skip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LOOKS_OUTSIDE = """
import contextlib, socket
def test_hides_its_attempt():
    with contextlib.suppress(OSError):
        socket.create_connection(("192.0.2.1", 9), timeout=1)
def test_asks_for_a_name():
    with contextlib.suppress(OSError):
        socket.getaddrinfo("nowhere.invalid", 443)
"""
STAYS_INSIDE = """
import socket
def test_talks_to_itself():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
def test_has_a_home_of_its_own(ingot_home):
    import os
    assert os.environ["INGOT_HOME"] == str(ingot_home)
    assert not ingot_home.exists()
"""
SKIPS = """
import pytest
def test_skips():
    pytest.skip("no browser here")
@pytest.mark.gpu
def test_needs_an_accelerator():
    pytest.skip("no accelerator")
"""
SKIPS_WHOLLY = """
import pytest
pytest.importorskip("no_such_package_at_all")
def test_never_runs(): ...
"""


def run_tests(repository: Path, folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run one test file under this project's settings and root conftest."""
    shutil.copy(repository / "tests/conftest.py", folder / "conftest.py")
    shutil.copy(repository / "pyproject.toml", folder / "pyproject.toml")
    (folder / "test_inner.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_inner.py", *options]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_leaving_the_machine_fails_even_when_hidden(repository: Path, tmp_path: Path) -> None:
    result = run_tests(repository, tmp_path, LOOKS_OUTSIDE)
    assert result.returncode == 1
    assert "192.0.2.1" in result.stdout
    assert "nowhere.invalid" in result.stdout


def test_loopback_and_the_private_home_are_there(repository: Path, tmp_path: Path) -> None:
    result = run_tests(repository, tmp_path, STAYS_INSIDE)
    assert result.returncode == 0, result.stdout


def test_a_skip_is_a_failure_when_asked(repository: Path, tmp_path: Path) -> None:
    assert run_tests(repository, tmp_path, SKIPS).returncode == 0
    result = run_tests(repository, tmp_path, SKIPS, "--no-skips")
    assert result.returncode == 1
    assert "1 failed, 1 skipped" in result.stdout
    assert "no browser here" in result.stdout


def test_a_skipped_file_is_a_failure_when_asked(repository: Path, tmp_path: Path) -> None:
    result = run_tests(repository, tmp_path, SKIPS_WHOLLY, "--no-skips")
    assert result.returncode not in (0, 5)
    assert "no_such_package_at_all" in result.stdout


@pytest.mark.parametrize("warning", ["UserWarning", "DeprecationWarning"])
def test_warnings_are_errors(repository: Path, tmp_path: Path, warning: str) -> None:
    text = f"import warnings\ndef test_warns():\n    warnings.warn('x', {warning})\n"
    assert run_tests(repository, tmp_path, text).returncode == 1
