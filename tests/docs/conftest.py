"""The pages that are checked."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def pages(repository: Path) -> list[Path]:
    """Every Markdown page of the project."""
    return [*sorted(repository.glob("*.md")), *sorted((repository / "docs").rglob("*.md"))]
