from __future__ import annotations

from pathlib import Path

import pytest

from tests.infer.tiny_model import make_model
from tests.serve.local.opened import House


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.name: path for path in make_model(tmp_path_factory.mktemp("model") / "tiny").iterdir()}


@pytest.fixture
def house(tmp_path: Path, files: dict[str, Path]) -> House:
    house = House(tmp_path / "home", files)
    for _ in range(3):
        house.add()
    return house
