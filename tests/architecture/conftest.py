"""What the laws are checked against: this repository, or a tiny tree that breaks them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def rooms(repository: Path) -> list[str]:
    """The names of the rooms that exist, sorted."""
    return sorted(path.parent.name for path in (repository / "src/ingot").glob("*/__init__.py"))


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Write files (path -> text) below an empty folder and return the folder."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "tree"

    return write
