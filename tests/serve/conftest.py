from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from ingot.serve.app import create_app
from ingot.serve.gateway import Limits
from ingot.serve.local import Anybody, OneModel
from tests.infer.tiny_model import make_model
from tests.serve.running import Counting, PacedEngine, listening, served


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> PacedEngine:
    return PacedEngine(make_model(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture(autouse=True)
def unhurried(engine: PacedEngine) -> None:
    engine.allowed = None
    engine.order.clear()


@pytest.fixture(scope="session")
def meter() -> Counting:
    return Counting()


@pytest.fixture(scope="session")
def address(engine: PacedEngine, meter: Counting) -> Iterator[str]:
    app = create_app(OneModel(served(engine)), Anybody(), meter, Limits(at_once=1, waiting=2, body_bytes=20_000))
    with listening(app) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=20) as client:
        yield client
