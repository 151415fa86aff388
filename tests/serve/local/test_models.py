from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from safetensors.numpy import load_file, save_file

from ingot.core.errors import UsageError
from ingot.registry.release import Canary
from ingot.serve.app import create_app
from ingot.serve.gateway import Limits
from ingot.serve.local.keys import Anybody
from ingot.serve.local.store import FolderStore
from tests.serve.local.opened import BODY, House, answering, talk
from tests.serve.running import Counting, eventually, listening


def test_a_name_follows_the_newest_version_and_a_pinned_one_stays(house: House) -> None:
    house.add("other")
    models = house.serve("acme", "other@1", warm_seconds=0)
    assert [model.reference for model in models.cards()] == ["acme@3", "other@1"]
    old = models.find("acme")
    assert old is not None
    assert old.lease.take()
    for name in ("acme", "other"):
        house.add(name)
    models.look()
    assert [model.reference for model in models.cards()] == ["acme@4", "other@1"]
    assert not house.engines["acme@3"][0].is_closed  # somebody still reads its answer
    assert not old.lease.take()
    old.lease.give_back()
    eventually(lambda: house.engines["acme@3"][0].is_closed)


def test_a_version_that_was_replaced_stays_open_for_a_while(house: House) -> None:
    models = house.serve("acme")
    for _ in range(2):
        house.add()
        models.look()
    assert answering(models) == "acme@5"
    eventually(lambda: house.engines["acme@3"][0].is_closed)  # only the one before is kept
    assert not house.engines["acme@4"][0].is_closed


def test_one_name_is_served_once(house: House) -> None:
    for names in (("acme@1", "acme@2"), ("acme", "acme@2")):
        with pytest.raises(UsageError, match="two versions"):
            house.serve(*names)
    with pytest.raises(UsageError) as caught:
        house.serve("acne")
    assert "'acme'" in caught.value.fix


def test_a_new_version_that_gives_no_probabilities_is_said_once(
    house: House, broken: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = house.serve("acme")
    house.add(**{"model.safetensors": broken})
    for _ in range(2):
        models.look()
        assert answering(models) == "acme@3"
    assert len([record for record in caplog.records if "acme@4 is not served, acme@3 stays" in record.message]) == 1
    house.add()
    models.look()
    assert answering(models) == "acme@5"


@pytest.fixture
def broken(files: dict[str, Path], tmp_path: Path) -> Path:
    """Weights that give no probabilities."""
    weights = {name: value * float("nan") for name, value in load_file(files["model.safetensors"]).items()}
    save_file(weights, tmp_path / "nan.safetensors", metadata={"format": "pt"})
    return tmp_path / "nan.safetensors"


def test_a_rollback_opens_nothing(house: House) -> None:
    house.releasing.promote("acme", "acme@2")
    models = house.serve("acme")
    house.releasing.promote("acme", "acme@3")
    models.look()
    assert answering(models) == "acme@3"
    house.releasing.rollback("acme")
    models.look()
    assert answering(models) == "acme@2"
    assert {name: len(opened) for name, opened in house.engines.items()} == {"acme@2": 1, "acme@3": 1}
    assert not any(engine.is_closed for opened in house.engines.values() for engine in opened)


def test_a_canary_that_fails_is_taken_back_and_said(house: House, tmp_path: Path) -> None:
    house.releasing.promote("acme", "acme@2")
    source = house.serve("acme", seconds=0.02)
    app = create_app(source, Anybody(), Counting(), FolderStore(tmp_path / "store"), while_up=source)
    with listening(app) as address, httpx.Client(base_url=address, timeout=20) as client:
        house.releasing.canary("acme", Canary("acme@3", 0.5, by="request"))
        eventually(lambda: any(one.role == "canary" for one in source.shares()))
        house.engines["acme@3"][0].is_broken = True
        answers: list[httpx.Response] = []
        while not answers or len([one for one in answers if one.status_code == 503]) < 3:
            answers.append(client.post("/v1/completions", json=BODY))
        eventually(lambda: [one.role for one in source.shares()] == ["stable", "failed"])
        after = [client.post("/v1/completions", json=BODY) for _ in range(20)]
        metrics = client.get("/metrics").text
    assert {one.headers["x-ingot-model"] for one in after} == {"acme@2"}
    release = house.releasing.file.read()["acme"]
    assert release.canary is None
    assert (release.history[-1].who, "3 of its last" in release.history[-1].what) == ("server", True)
    assert 'ingot_answers_total{gen_ai_request_model="acme@2",outcome="answered"}' in metrics


def test_a_version_that_passes_no_gate_gets_no_request(house: House, broken: Path) -> None:
    house.releasing.promote("acme", "acme@3")
    models = house.serve("acme")
    bad = house.add(**{"model.safetensors": broken})
    house.releasing.canary("acme", Canary(bad, 0.9))
    models.look()
    assert {answering(models, talk(number)) for number in range(50)} == {"acme@3"}
    release = house.releasing.file.read()["acme"]
    assert release.canary is None
    assert "no probabilities" in release.history[-1].what
    house.releasing.promote("acme", bad)
    models.look()
    assert answering(models) == "acme@3"
    assert house.releasing.file.read()["acme"].stable == "acme@3"
    # The next server begins where this one ended, even when the file was left at the bad version.
    house.releasing.promote("acme", bad)
    assert answering(house.serve("acme")) == "acme@3"


def test_names_come_and_go_with_the_file(house: House) -> None:
    house.add("other")
    with pytest.raises(UsageError, match="nothing to serve"):
        house.serve()
    house.releasing.promote("chat", "acme@1")
    models = house.serve()
    assert [card.id for card in models.cards()] == ["chat"]
    house.releasing.promote("code", "other@1")
    house.releasing.put_into("chat", "archived")
    models.look()
    assert [(card.id, card.reference) for card in models.cards()] == [("code", "other@1")]
    assert models.find("chat") is None
    assert models.opening("chat") is None
    house.releasing.put_into("chat", "served")
    models.look()
    assert answering(models, name="chat") == "acme@1"


def test_a_file_that_somebody_broke_changes_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.releasing.promote("acme", "acme@1")
    models = house.serve("acme")
    house.releasing.file.path.write_text("{")
    models.look()
    assert answering(models) == "acme@1"
    assert "the releases stay as they were" in caplog.text
    house.releasing.file.path.unlink()
    house.releasing.promote("acme", "acme@2")
    models.look()
    assert answering(models) == "acme@2"


def test_twenty_swaps_under_load_fail_nobody(house: House, tmp_path: Path) -> None:
    """Promotions, canaries and rollbacks while everybody asks: each answer is whole and from one version."""
    house.releasing.promote("acme", "acme@1")
    source = house.serve("acme", seconds=0.02)
    limits = Limits(waiting=100)
    app = create_app(source, Anybody(), Counting(), FolderStore(tmp_path / "store"), limits, while_up=source)
    answers: list[tuple[int, str, str]] = []
    ended = threading.Event()

    def ask(address: str) -> None:
        with httpx.Client(timeout=30) as client:
            while not ended.is_set():
                answer = client.post(f"{address}/v1/completions", json=BODY)
                said = answer.json().get("system_fingerprint", "").partition("/")[0]
                answers.append((answer.status_code, answer.headers.get("x-ingot-model", ""), said))

    def swap(change: Callable[[], object], expected: str) -> None:
        change()
        eventually(lambda: answering(source) == expected)
        seen = len(answers)
        eventually(lambda: len(answers) > seen + 1)

    with listening(app) as address:
        askers = [threading.Thread(target=ask, args=(address,)) for _ in range(3)]
        for asker in askers:
            asker.start()
        try:
            for number in range(10):
                version = f"acme@{2 + number % 2}"
                house.releasing.canary("acme", Canary(version, 0.3, by="request"))
                swap(lambda version=version: house.releasing.promote("acme", version), version)  # type: ignore[misc]
                swap(lambda: house.releasing.rollback("acme"), "acme@1")
        finally:
            ended.set()
            for asker in askers:
                asker.join()
    assert {status for status, _, _ in answers} == {200}
    assert {header for _, header, _ in answers} == {"acme@1", "acme@2", "acme@3"}
    assert all(header == said for _, header, said in answers)
