"""A version that began to fail is taken back by itself, and only for what it did."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors import safe_open

from ingot.cli.main import run
from ingot.core.errors import IngotError, InputError
from ingot.flow.artifact import Artifact
from ingot.infer import supervised
from ingot.infer.engine import Engine, open_engine
from ingot.registry.release import Canary
from ingot.serve.app import create_app
from ingot.serve.local.judging import CHECK_SECONDS, Judge
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import HomeModels
from ingot.serve.local.store import FolderStore
from ingot.serve.ports import ServedModel
from tests.serve.local.opened import BODY, House, answering
from tests.serve.running import Counting, eventually, listening


class Clock:
    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


def answered(model: ServedModel, *errors: Exception | None) -> None:
    """Let answers of a model end, each with its error."""

    async def end(error: Exception | None) -> None:
        async with model.outcomes.one():
            if error is not None:
                raise error

    for error in errors:
        with suppress(IngotError):
            asyncio.run(end(error))


@pytest.fixture
def model(house: House) -> ServedModel:
    found = house.serve("acme").find("acme")
    assert found is not None
    return found


LOST = IngotError("lost")


def test_one_answer_in_five_may_fail_and_a_caller_may_err(model: ServedModel) -> None:
    judge = Judge()
    answered(model, LOST, LOST, *[InputError("the caller's")] * 9)
    assert judge.flaw("acme", model) is None  # too few to say anything
    answered(model, LOST, *[None] * 12)
    assert judge.flaw("acme", model) is None
    answered(model, LOST)
    assert judge.flaw("acme", model) == "4 of its last 16 answers failed"
    assert judge.flaw("acme", model) is None  # said once


def test_a_canary_has_a_bound_of_its_own(model: ServedModel) -> None:
    answered(model, LOST, LOST, LOST, *[None] * 17)
    assert Judge().flaw("acme", model) is None
    assert Judge().flaw("acme", model, Canary(model.reference, 0.1, most_errors=0.5)) is None
    assert Judge().flaw("acme", model, Canary(model.reference, 0.1)) is not None


def test_what_was_before_somebody_tried_again_or_long_ago_does_not_count(model: ServedModel) -> None:
    clock = Clock()
    judge = Judge(clock)
    answered(model, LOST, LOST, LOST)
    clock.now = time.monotonic() + 2 * CHECK_SECONDS
    assert judge.flaw("acme", model) is None
    clock.now = time.monotonic()
    judge.begin("acme", model.reference)
    assert judge.flaw("acme", model) is None
    assert judge.flaw("other", model) is not None
    answered(model, LOST, LOST, LOST)
    assert judge.flaw("acme", model) is not None


def test_a_process_that_dies_again_and_again_is_told(model: ServedModel) -> None:
    clock = Clock()
    judge = Judge(clock)
    engine: Any = model.engine  # a supervised one, which counts
    engine.deaths = deque([clock.now - CHECK_SECONDS - 1, clock.now, clock.now])
    assert judge.flaw("acme", model) is None
    engine.deaths.append(clock.now)
    assert "died 3 times" in str(judge.flaw("acme", model))


class Supervised(House):
    """A home whose engines live in processes of their own."""

    def open(self, artifact: Artifact) -> Engine:  # type: ignore[override]  # only the test above looks inside
        return open_engine(artifact.path, "torch", supervised=True)


@pytest.fixture
def real(tmp_path: Path, files: dict[str, Path]) -> Supervised:
    real = Supervised(tmp_path / "home", files)
    for _ in range(3):
        real.add()
    return real


def write_nan(path: Path) -> None:
    """Write into the weights where they lie, as a disk that fails would: what has mapped the file sees it."""
    with safe_open(path, "np") as tensors:
        names = list(tensors.keys())
    with path.open("r+b") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
        count = (path.stat().st_size - start) // 4
        assert names
        file.seek(start)
        file.write(np.full(count, np.nan, dtype=np.float32).tobytes())


def lose(source: HomeModels, version: str) -> None:
    """Kill the child of a version, once it is up."""
    (engine,) = (one.engine for one in source.models() if one.reference == version)
    assert isinstance(engine, supervised.Engine)
    before = len(engine.deaths)
    eventually(lambda: engine._is_up)
    os.kill(engine.process_id or 0, signal.SIGKILL)
    eventually(lambda: len(engine.deaths) > before)


def test_weights_that_break_after_the_gate_are_rolled_back(
    real: Supervised, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A real server, a real child, and weights that turn into NaN between its gate and its requests."""
    real.releasing.promote("acme", "acme@2")
    source = real.serve("acme", seconds=0.02)
    app = create_app(source, Anybody(), Counting(), FolderStore(tmp_path / "store"), while_up=source)
    with listening(app) as address, httpx.Client(base_url=address, timeout=20) as client:
        real.releasing.promote("acme", "acme@3")
        eventually(lambda: answering(source) == "acme@3")
        write_nan(real.home.get("acme@3").path / "model.safetensors")
        lose(source, "acme@3")  # the next child reads what is there now
        answers: list[httpx.Response] = []
        while answering(source) == "acme@3":
            answers.append(client.post("/v1/completions", json=BODY))
            assert len(answers) < 500, "it is never taken back"
        after = [client.post("/v1/completions", json=BODY) for _ in range(5)]
        metrics = client.get("/metrics").text
        seen = [one.reference for one in source.cards()]
    assert {one.status_code for one in answers[:3]} == {500}
    assert {(one.status_code, one.headers["x-ingot-model"]) for one in after} == {(200, "acme@2")}
    assert seen == ["acme@2"]
    assert 'ingot_traffic_share{gen_ai_request_model="acme@3",ingot_served_name="acme",role="failed"} 0.0' in metrics
    assert "rolled back from acme@3 to acme@2" in caplog.text
    release = real.releasing.file.read()["acme"]
    assert (release.stable, release.failed, release.fallback) == ("acme@2", ("acme@3",), "acme@2")
    assert (release.history[-1].who, "answers failed" in release.history[-1].what) == ("server", True)
    assert run(["release", "show", "acme", "--home", str(real.home.path)]) == 0
    assert "acme@3" in capsys.readouterr().out


@pytest.mark.slow
def test_a_child_that_is_killed_again_and_again_is_rolled_back(real: Supervised) -> None:
    with real.serve("acme", seconds=0.02) as source:
        for _ in range(3):
            assert answering(source) == "acme@3"
            lose(source, "acme@3")
        eventually(lambda: answering(source) == "acme@2")
    assert "died 3 times" in real.releasing.file.read()["acme"].history[-1].what


def test_a_followed_name_leaves_out_what_failed(house: House) -> None:
    models = house.serve("acme")
    fail(models)
    assert answering(models) == "acme@2"
    assert answering(house.serve("acme")) == "acme@2"  # over a restart as well
    house.add()
    models.look()
    assert answering(models) == "acme@4"
    release = house.releasing.file.read()["acme"]
    assert (release.stable, release.failed, release.fallback) == ("acme", ("acme@3",), "acme@2")
    assert house.releasing.serving(release) == "acme@4"
    assert house.releasing.promote("acme", "acme@3").failed == ()


def fail(models: HomeModels) -> None:
    """Let what answers fail three times."""
    found = models.find("acme")
    assert found is not None
    answered(found, *[LOST] * 3)
    models.look()


def test_it_goes_back_one_step_and_never_flaps(house: House, caplog: pytest.LogCaptureFixture) -> None:
    for version in ("acme@1", "acme@2", "acme@3"):
        house.releasing.promote("acme", version)
    models = house.serve("acme")
    fail(models)
    assert answering(models) == "acme@2"
    fail(models)  # the fault is hardly the version's: this one was fine when a person chose it
    assert answering(models) == "acme@2"
    assert "acme@2 fails and stays" in caplog.text
    house.releasing.promote("acme", "acme@3")
    models.look()
    assert answering(models) == "acme@3"  # a person wants it, whatever it did before
    fail(models)
    assert answering(models) == "acme@2"
    house.releasing.rollback("acme")
    models.look()
    assert answering(models) == "acme@1"


def test_what_a_server_was_told_to_serve_stays(house: House) -> None:
    models = house.serve("acme@2")
    fail(models)
    assert answering(models) == "acme@2"
    assert house.releasing.file.read() == {}


def test_a_file_that_cannot_be_written_keeps_nobody_with_a_broken_version(house: House) -> None:
    house.releasing.promote("acme", "acme@1")
    house.releasing.promote("acme", "acme@2")
    models = house.serve("acme")
    house.releasing.file.path.write_text("{")
    fail(models)
    assert answering(models) == "acme@1"
