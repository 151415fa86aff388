"""What the journeys share: a small corpus of real text, the real command, and one finished build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

INGOT = str(Path(sys.executable).with_name("ingot"))
SHAPE = ("--width", "64", "--layers", "2", "--vocabulary", "512", "--steps", "40", "--cores", "1")


@dataclass(frozen=True)
class Ingot:
    """The command line as a user runs it, with one home."""

    home: Path

    def __call__(self, *arguments: str, timeout: float = 180.0) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        command = [INGOT, *arguments, "--home", str(self.home)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            [INGOT, *arguments, "--home", str(self.home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def build_arguments(corpus: Path, name: str = "acme", shape: Sequence[str] = SHAPE) -> list[str]:
    """Return the arguments of a small build."""
    return ["build", str(corpus), "--name", name, *shape]


def copy_corpus(target: Path) -> Path:
    """Copy about 200 kB of this interpreter's sources: real text that every machine has."""
    library = Path(sysconfig.get_path("stdlib"))
    for package in ("json", "logging", "html"):
        shutil.copytree(library / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    return target


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of documents."""
    return copy_corpus(tmp_path_factory.mktemp("corpus") / "docs")


@pytest.fixture(scope="session")
def built(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Ingot:
    """A home with the model `acme` built from the corpus: once for all test processes, and a copy for each."""
    here = tmp_path_factory.mktemp("built")
    is_alone = "PYTEST_XDIST_WORKER" not in os.environ
    shared = here / "shared" if is_alone else tmp_path_factory.getbasetemp().parent / "shared-build"
    with FileLock(f"{shared}.lock"):
        if not (shared / "home").exists():
            begun = Ingot(shared / "begun")
            done = begun(*build_arguments(corpus), timeout=600.0)
            assert done.returncode == 0, done.stdout + done.stderr
            begun.home.rename(shared / "home")
    return Ingot(shutil.copytree(shared / "home", here / "home"))


@pytest.fixture
def ingot(built: Ingot, tmp_path: Path) -> Ingot:
    """An empty home, but for what is known about this machine's speed: measuring it takes as long as a small build."""
    home = tmp_path / "home"
    shutil.copytree(built.home / "artifacts" / "machine-probe", home / "artifacts" / "machine-probe")
    return Ingot(home)
