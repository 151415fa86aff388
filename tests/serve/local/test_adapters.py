"""Many adapters over one model: each answers under its own name, and the weights of the model are there once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.infer.engine import Engine, greedy
from ingot.registry.files import FileStore
from ingot.serve.local.adapters import has_adapters
from ingot.serve.local.app import local_app
from ingot.serve.local.models import HomeModels
from ingot.serve.local.open_models import weight
from tests.infer.adapters import make_adapter
from tests.infer.tiny_model import CONTEXT
from tests.registry.made import add
from tests.serve.local.opened import House
from tests.serve.running import eventually, listening

DEPARTMENTS = ("sales", "law", "care")
PROMPT = [1, 7, 30, 99]
COUNT = 12


@pytest.fixture
def departments(house: House, tmp_path: Path) -> House:
    """A house with the model acme@3 and an adapter for each department beside it."""
    base = FileStore(house.home).get("acme")
    for seed, name in enumerate(DEPARTMENTS, start=1):
        add_adapter(house.home, name, make_adapter(base.path, tmp_path / name, seed), base.reference)
    return house


def add_adapter(home: Home, name: str, folder: Path, base: str) -> Artifact:
    files = {path.name: path for path in folder.iterdir()}
    files["tokenizer.json"] = FileStore(home).get(base).path / "tokenizer.json"
    files["tokenizer_config.json"] = FileStore(home).get(base).path / "tokenizer_config.json"
    return add(home, name, "Adapter", files, {"kind": "base", "base": base, "context": CONTEXT})


def engine_of(models: HomeModels, name: str) -> Engine:
    found = models.find(name)
    assert found is not None
    return found.engine


def test_all_share_the_weights_and_each_answers_for_itself(departments: House) -> None:
    with departments.serve(*DEPARTMENTS, "acme") as models:
        said = {name: tuple(greedy(engine_of(models, name), PROMPT, COUNT)) for name in ("acme", *DEPARTMENTS)}
        assert len(set(said.values())) == 4
        assert [card.base for card in models.cards()] == ["acme@3"] * 3 + [None]
        assert models.cards()[0].context == CONTEXT
        assert {name: len(opened) for name, opened in departments.engines.items()} == {"acme@3": 1}
    eventually(lambda: departments.engines["acme@3"][0].is_closed)


def test_the_weights_stay_for_who_uses_them_and_no_longer(departments: House) -> None:
    with departments.serve("acme", "sales") as models:
        (opened,) = departments.engines["acme@3"]
        departments.add()
        models.look()  # acme is acme@4 now, and sales is still over acme@3
        assert {model.reference for model in models.models()} == {"acme@3", "acme@4", "sales@1"}
        models.put_into("sales", "archived", "ada")
        models.look()
        assert {model.reference for model in models.models()} >= {"acme@4"}
        assert "sales@1" not in {model.reference for model in models.models()}
    eventually(lambda: opened.is_closed)


def test_one_without_room_takes_that_of_the_least_recently_used_and_nothing_is_lost(departments: House) -> None:
    store = FileStore(departments.home, with_adapters=True)
    room = weight(store.get("acme")) + 2 * weight(store.get("sales"))
    with departments.serve(*DEPARTMENTS, most_bytes=room) as models:
        alone: dict[str, tuple[int, ...]] = {}

        def ask(name: str) -> tuple[str, tuple[int, ...]]:
            while True:
                model = models.find(name)
                if model is None:
                    opening = models.opening(name)
                    assert opening is not None
                    opening.result(timeout=60)
                elif model.lease.take():
                    try:
                        return name, tuple(greedy(model.engine, PROMPT, COUNT))
                    finally:
                        model.lease.give_back()

        with ThreadPoolExecutor(3) as pool:
            for name, said in pool.map(ask, DEPARTMENTS * 2):
                assert alone.setdefault(name, said) == said
        assert len(set(alone.values())) == 3
        assert sum(model.reference != "acme@3" for model in models.models()) == 2
        assert len(departments.engines["acme@3"]) == 1


def test_what_does_not_fit_is_refused_in_words(departments: House, tmp_path: Path) -> None:
    home = departments.home
    folder = make_adapter(home.get("acme").path, tmp_path / "strange", seed=9)
    (folder / "adapter_config.json").write_text('{"r": 4, "lora_alpha": 8, "target_modules": ["x"]}')
    add_adapter(home, "strange", folder, "acme@3")
    with pytest.raises(InputError, match="cannot be put on the model"):
        departments.serve("strange")
    add_adapter(home, "orphan", make_adapter(home.get("acme").path, tmp_path / "orphan", seed=9), "acme@1")
    with pytest.raises(UsageError, match="is a Adapter, not a model"):
        FileStore(home).get("orphan")


def test_clients_name_the_adapter_as_the_model(departments: House) -> None:
    home = departments.home
    assert has_adapters(home, ["sales"], "acme@3")
    assert not has_adapters(home, ["acme"], "acme@3")
    with (
        listening(local_app(home, ["acme", *DEPARTMENTS], supervised=False)) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
    ):

        def ask(name: str) -> str:
            return client.completions.create(model=name, prompt="def", max_tokens=8, temperature=0).choices[0].text

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(ask, ("acme", *DEPARTMENTS) * 2))
        assert answers[:4] == answers[4:]
        assert len(set(answers)) == 4
        cards = {card.id: card.to_dict() for card in client.models.list()}
        assert cards["law"]["parent"] == cards["law"]["root"] == "acme@3"
        assert (cards["acme"]["parent"], cards["acme"]["root"]) == (None, "acme@3")
