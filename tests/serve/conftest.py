from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from mistralai.client import Mistral

from ingot.serve.app import create_app
from ingot.serve.gateway import Limits
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from tests.infer.tiny_model import make_model
from tests.serve.running import Counting, PacedEngine, listening, served
from tests.serve.scripted import ScriptedEngine


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
def store(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    return FolderStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def address(engine: PacedEngine, meter: Counting, store: FolderStore) -> Iterator[str]:
    app = create_app(OneModel(served(engine)), Anybody(), meter, store, Limits(at_once=1, waiting=2, body_bytes=20_000))
    with listening(app) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=20) as client:
        yield client


@pytest.fixture(scope="session")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> ScriptedEngine:
    return ScriptedEngine(make_model(tmp_path_factory.mktemp("scripted") / "tiny"))


@pytest.fixture(scope="session")
def chat_address(scripted: ScriptedEngine, meter: Counting, store: FolderStore) -> Iterator[str]:
    with listening(create_app(OneModel(served(scripted, "chat")), Anybody(), meter, store)) as address:
        yield address


@pytest.fixture(scope="session")
def as_openai(chat_address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{chat_address}/v1", api_key="none", max_retries=0, timeout=20) as client:
        yield client


@pytest.fixture(scope="session")
def as_mistral(chat_address: str) -> Iterator[Mistral]:
    with Mistral(api_key="none", server_url=chat_address, timeout_ms=20_000) as client:
        yield client
