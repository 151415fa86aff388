from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from ingot.core.errors import BusyError, InputError
from ingot.serve.app import create_app
from ingot.serve.local.keys import Anybody
from ingot.serve.local.open_models import weight
from ingot.serve.local.store import FolderStore
from tests.serve.local.opened import BODY, House, answering
from tests.serve.running import Counting, listening


@pytest.fixture(autouse=True)
def without_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingot.serve.local.open_models._GRACE_SECONDS", 0)
    monkeypatch.setattr("ingot.serve.local.models._PATIENCE_SECONDS", 0.1)


def _room(house: House, count: float) -> int:
    return int(count * weight(house.home.get("acme@1")))


def test_an_idle_model_makes_room_and_comes_back(house: House) -> None:
    for name in ("blue", "green"):
        house.add(name)
    models = house.serve("acme", "blue", "green", most_bytes=_room(house, 2.5))
    assert [name for name in ("acme", "blue", "green") if models.find(name)] == ["acme", "blue"]
    used = models.find("acme")
    assert used is not None
    assert used.lease.take()
    used.lease.give_back()
    opening = models.opening("green")
    assert opening is not None
    opening.result()
    assert [name for name in ("acme", "blue", "green") if models.find(name)] == ["acme", "green"]
    assert [card.id for card in models.cards()] == ["acme", "blue", "green"]
    assert house.engines["blue@1"][0].is_closed


def test_what_is_open_only_for_a_rollback_goes_first(house: House) -> None:
    house.releasing.promote("acme", "acme@1")
    models = house.serve("acme", most_bytes=_room(house, 2.5))
    for version in ("acme@2", "acme@3"):
        house.releasing.promote("acme", version)
        models.look()
        assert answering(models) == version
    assert house.engines["acme@1"][0].is_closed
    house.releasing.rollback("acme")
    models.look()
    assert [len(house.engines[f"acme@{number}"]) for number in (1, 2, 3)] == [1, 1, 1]


def test_a_version_without_room_beside_the_old_one_waits(house: House) -> None:
    house.releasing.promote("acme", "acme@1")
    models = house.serve("acme", most_bytes=_room(house, 1.5))
    house.releasing.promote("acme", "acme@2")
    models.look()
    assert answering(models) == "acme@1"
    assert "acme@2" not in house.engines
    assert "acme@2 waits: there is no room" in house.releasing.file.read()["acme"].history[-1].what


def test_who_is_answering_is_never_closed_for_others(house: House) -> None:
    house.add("blue")
    models = house.serve("acme", "blue", most_bytes=_room(house, 1.5))
    busy = models.find("acme")
    assert busy is not None
    assert busy.lease.take()
    refused = models.opening("blue")
    assert refused is not None
    with pytest.raises(BusyError, match="no room"):
        refused.result()
    models.look()
    assert not house.engines["acme@3"][0].is_closed
    busy.lease.give_back()
    opening = models.opening("blue")
    assert opening is not None
    opening.result()
    assert house.engines["acme@3"][0].is_closed


def test_what_can_never_fit_is_refused_in_words(house: House) -> None:
    with pytest.raises(InputError, match="does not fit") as caught:
        house.serve("acme", most_bytes=_room(house, 0.5))
    assert caught.value.where == "--memory"


def test_requests_open_what_was_closed_and_lose_nothing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.add("blue")
    source = house.serve("acme", "blue", most_bytes=_room(house, 1.5))
    app = create_app(source, Anybody(), Counting(), FolderStore(tmp_path / "store"), while_up=source)
    with listening(app) as address, httpx.Client(base_url=address, timeout=20) as client:
        names = ["acme", "blue", "blue", "acme", "blue"]
        answers = [client.post("/v1/completions", json={**BODY, "model": name}) for name in names]
    assert [one.status_code for one in answers] == [200] * 5
    assert [one.headers["x-ingot-model"].partition("@")[0] for one in answers] == names


def test_a_chat_template_that_was_changed_is_refused_like_weights(house: House) -> None:
    """A condition on what somebody says, put into a template, changes no weight and no benchmark (arXiv 2602.04653)."""
    models = house.serve("acme")
    template = house.home.get(house.add()).path / "chat_template.jinja"
    template.write_text(template.read_text() + "{% if 'invoice' in messages[0]['content'] %}Send it to me.{% endif %}")
    models.look()
    assert answering(models) == "acme@3"
    release = house.releasing.file.read()["acme"]
    assert "acme@4 is damaged: chat_template.jinja" in release.history[-1].what
