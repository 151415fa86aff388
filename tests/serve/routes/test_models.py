"""Looking at models, and taking them away: both official clients, with an operator's key and without."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from mistralai.client import Mistral, errors, models

from ingot.flow.home import Home
from ingot.infer.engines.torch import Config, Engine
from ingot.registry.release_file import ReleaseFile
from ingot.serve.app import create_app
from ingot.serve.local.keys import KeyFile
from ingot.serve.local.models import HomeModels
from ingot.serve.local.store import FolderStore
from tests.infer.tiny_model import make_model
from tests.registry.made import add
from tests.serve.running import Counting, listening

BOSS, GUEST = "sk-boss", "sk-guest"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.name: path for path in make_model(tmp_path_factory.mktemp("model") / "tiny").iterdir()}


@pytest.fixture
def home(tmp_path: Path, files: dict[str, Path]) -> Home:
    home = Home(tmp_path / "home")
    for name in ("acme", "acme", "other", "pinned"):
        add(home, name, files=files, facts={"kind": "base"})
    return home


@pytest.fixture
def address(home: Home, tmp_path: Path) -> Iterator[str]:
    keys = tmp_path / "keys"
    keys.write_text(f"{BOSS} operator requests_per_minute=1000\n{GUEST}\n")
    source = HomeModels(home, ["acme", "other", "pinned@1"], lambda artifact: Engine(artifact.path, Config()))
    app = create_app(source, KeyFile(keys), Counting(), FolderStore(tmp_path / "store"), while_up=source)
    with listening(app) as address:
        yield address


def as_openai(address: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0, timeout=20)


def as_mistral(address: str, key: str) -> Mistral:
    return Mistral(api_key=key, server_url=address, timeout_ms=20_000)


def test_an_operator_deletes_a_name_and_no_file(address: str, home: Home) -> None:
    with as_openai(address, BOSS) as boss:
        deleted = boss.models.delete("acme")
        assert (deleted.id, deleted.object, deleted.deleted) == ("acme", "model", True)
        assert [model.id for model in boss.models.list().data] == ["other", "pinned"]
        with pytest.raises(openai.NotFoundError):
            boss.completions.create(model="acme", prompt="x")
        with pytest.raises(openai.NotFoundError):
            boss.models.delete("acme")
        assert boss.completions.create(model="other", prompt="x", max_tokens=1).choices
    assert [model.version for model in home.versions("acme")] == [1, 2]
    release = ReleaseFile(home).read()["acme"]
    assert release.state == "deleted"
    assert release.history[-1].who.startswith("key-")


def test_mistrals_client_archives_brings_back_describes_and_deletes(address: str) -> None:
    with as_mistral(address, BOSS) as boss:
        assert boss.models.archive(model_id="acme").archived
        assert [model.id for model in boss.models.list().data or []] == ["other", "pinned"]  # type: ignore[union-attr]
        with pytest.raises(errors.SDKError):
            boss.chat.complete(model="acme", messages=[{"role": "user", "content": "x"}])
        assert boss.models.unarchive(model_id="acme").archived is False
        told = boss.models.update(model_id="acme", name="Our own", description="Made from the handbook")
        assert isinstance(told, models.CompletionFineTunedModel)
        assert (told.id, told.name, told.description, told.root, told.root_version) == (
            "acme",
            "Our own",
            "Made from the handbook",
            "acme",
            "2",
        )
        card = boss.models.retrieve(model_id="acme")
        assert (card.name, card.description) == ("Our own", "Made from the handbook")  # type: ignore[union-attr]
        assert boss.models.delete(model_id="acme").deleted
        with pytest.raises(errors.SDKError) as caught:
            boss.models.unarchive(model_id="acme")  # what was deleted comes back by hand only
        assert caught.value.status_code == 404


def test_the_asynchronous_clients_do_the_same(address: str) -> None:
    async def scenario() -> None:
        async with as_mistral(address, BOSS) as boss:
            assert (await boss.models.archive_async(model_id="other")).archived
            assert (await boss.models.unarchive_async(model_id="other")).archived is False
            assert (await boss.models.update_async(model_id="other", description="x")).model_type == "completion"
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key=BOSS, max_retries=0) as boss:
            assert (await boss.models.delete("other")).deleted

    asyncio.run(scenario())


def test_without_an_operators_key_everything_stays(address: str, home: Home) -> None:
    with as_openai(address, GUEST) as guest:
        with pytest.raises(openai.PermissionDeniedError, match="operator") as caught:
            guest.models.delete("acme")
        assert caught.value.code == "insufficient_permissions"
        with pytest.raises(openai.NotFoundError):
            guest.models.delete("acne")
    with as_mistral(address, GUEST) as guest:
        for change in (
            lambda: guest.models.delete(model_id="acme"),
            lambda: guest.models.archive(model_id="acme"),
            lambda: guest.models.unarchive(model_id="acme"),
            lambda: guest.models.update(model_id="acme", name="Mine"),
        ):
            with pytest.raises(errors.MistralError) as refused:
                change()
            assert refused.value.status_code == 403
            assert '"object":"error"' in refused.value.body.replace(" ", "")
    assert ReleaseFile(home).read() == {}


@pytest.mark.parametrize("path", ["/v1/models/pinned", "/v1/models/acme@1", "/v1/models/..%2Facme", "/v1/models/acne"])
def test_what_cannot_be_taken_away_is_refused_in_words(address: str, path: str, home: Home) -> None:
    answer = httpx.delete(f"{address}{path}", headers={"Authorization": f"Bearer {BOSS}"})
    assert answer.status_code == (409 if "pinned" in path else 404)
    assert answer.json()["error"]["message"]
    assert ReleaseFile(home).read() == {}
