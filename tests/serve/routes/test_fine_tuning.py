"""From examples to a model that answers under its own name, through the official client, with real trainings."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import pytest
from openai.types.fine_tuning import FineTuningJob

from ingot.core.config import literals
from ingot.flow.home import Home
from ingot.flow.runs import list_runs
from ingot.model.convert import read_config
from ingot.serve.local.app import local_app
from tests.infer.tiny_model import make_model
from tests.registry.made import add
from tests.serve.running import listening

LINES = [
    json.dumps({"messages": [{"role": "user", "content": f"say {n}"}, {"role": "assistant", "content": "def"}]})
    for n in range(12)
]
SETTINGS: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 14}}}
PATH = "/v1/fine_tuning/jobs"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("training")
    model = make_model(folder / "tiny")
    home = Home(folder / "home")
    facts = {"kind": "base", "engine": "torch", "model": literals(read_config(model))}
    add(home, "acme", files={path.name: path for path in model.iterdir()}, facts=facts)
    return home


@contextmanager
def serving(home: Home) -> Iterator[str]:
    keys = home.path.parent / "keys"
    keys.write_text("ada training_jobs=2 training_minutes=5\nbob\ncarol training_jobs=1\n")
    with listening(local_app(home, ["acme"], engine="torch", key_file=keys, supervised=False)) as address:
        yield address


def as_person(address: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0, timeout=60)


def uploaded(client: openai.OpenAI, lines: list[str] = LINES, purpose: Any = "fine-tune") -> str:
    return client.files.create(file=("talks.jsonl", "\n".join(lines).encode()), purpose=purpose).id


def created(client: openai.OpenAI) -> FineTuningJob:
    file = uploaded(client)
    names: Any = {"training_file": file, "validation_file": file}
    return client.fine_tuning.jobs.create(
        model="acme", suffix="terse", seed=1, metadata={"team": "a"}, method=SETTINGS, **names
    )


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)


def become(client: openai.OpenAI, job: FineTuningJob, status: str) -> FineTuningJob:
    def is_so() -> bool:
        now = client.fine_tuning.jobs.retrieve(job.id)
        assert now.status != "failed" or status == "failed", now.error
        return now.status == status

    until(is_so)
    return client.fine_tuning.jobs.retrieve(job.id)


def messages(client: openai.OpenAI, job: FineTuningJob) -> list[str]:
    return [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=50)]


def weights(home: Home, job: FineTuningJob) -> str:
    return home.get(f"{job.fine_tuned_model}-checkpoint").record.files["model.safetensors"].sha256


def test_examples_become_a_model_through_pause_restart_and_kill(home: Home) -> None:
    with serving(home) as address, as_person(address, "ada") as ada, as_person(address, "bob") as bob:
        plain = created(ada)
        assert (plain.status, plain.fine_tuned_model, plain.seed, plain.metadata) == ("queued", None, 1, {"team": "a"})
        interrupted = created(ada)
        with pytest.raises(openai.RateLimitError, match="may have 2"):
            created(ada)
        assert ada.fine_tuning.jobs.retrieve(interrupted.id).status == "queued"  # one at a time
        plain = become(ada, plain, "succeeded")
        check_finished(ada, plain)
        check_others_see_nothing(bob, plain)

        become(ada, interrupted, "running")
        until(lambda: any(message.startswith("Step ") for message in messages(ada, interrupted)))
        assert ada.fine_tuning.jobs.pause(interrupted.id).status == "paused"
        until(lambda: list_runs(home)[0].status == "interrupted")
        points = ada.fine_tuning.jobs.checkpoints.list(interrupted.id).data
        assert points
        assert points[0].fine_tuned_model_checkpoint.endswith(f":step-{points[0].step_number}")
        with pytest.raises(openai.BadRequestError, match="is paused: it cannot be paused"):
            ada.fine_tuning.jobs.pause(interrupted.id)
    with serving(home) as address, as_person(address, "ada") as ada:
        assert answer(ada, plain) == "def"  # what was made before the restart is served again
        assert ada.fine_tuning.jobs.resume(interrupted.id).status == "queued"
        become(ada, interrupted, "running")
        until(lambda: list_runs(home)[0].status == "running")
        os.kill(list_runs(home)[0].process, signal.SIGKILL)
        interrupted = become(ada, interrupted, "succeeded")
        assert "The training was interrupted and goes on" in messages(ada, interrupted)
        assert answer(ada, interrupted) == "def"
        assert ada.models.delete(str(plain.fine_tuned_model)).deleted
        with pytest.raises(openai.NotFoundError):
            answer(ada, plain)
    assert weights(home, plain) == weights(home, interrupted)


def answer(client: openai.OpenAI, job: FineTuningJob) -> str | None:
    asked: Any = [{"role": "user", "content": "say 20"}]
    made = client.chat.completions.create(model=str(job.fine_tuned_model), messages=asked, temperature=0, max_tokens=9)
    return made.choices[0].message.content


def check_finished(ada: openai.OpenAI, job: FineTuningJob) -> None:
    assert str(job.fine_tuned_model).startswith("ft-acme-terse-")
    assert job.trained_tokens
    assert job.finished_at
    assert answer(ada, job) == "def"
    told = ada.fine_tuning.jobs.list_events(job.id, limit=2)
    assert "answers" in told.data[0].message
    measured = [event for event in told if event.type == "metrics"]  # the client turns the pages
    first, last = measured[-1].data, measured[0].data
    assert isinstance(first, dict)
    assert isinstance(last, dict)
    assert last["valid_loss"] < 1 < first["train_loss"]
    (point,) = ada.fine_tuning.jobs.checkpoints.list(job.id).data
    assert (point.fine_tuned_model_checkpoint, point.step_number) == (job.fine_tuned_model, last["total_steps"])
    assert point.metrics.valid_loss == pytest.approx(last["valid_loss"])
    rows = list(csv.DictReader(io.StringIO(ada.files.content(job.result_files[0]).text)))
    assert [int(row["step"]) for row in rows] == list(range(1, last["total_steps"] + 1))
    assert job.id in [one.id for one in ada.fine_tuning.jobs.list(metadata={"team": "a"}, limit=1)]
    assert not ada.fine_tuning.jobs.list(metadata={"team": "b"}).data
    with pytest.raises(openai.BadRequestError, match="cannot be cancelled"):
        ada.fine_tuning.jobs.cancel(job.id)
    assert job.fine_tuned_model in [model.id for model in ada.models.list()]


def check_others_see_nothing(bob: openai.OpenAI, job: FineTuningJob) -> None:
    jobs = bob.fine_tuning.jobs
    assert not jobs.list().data
    for ask in (jobs.retrieve, jobs.list_events, jobs.checkpoints.list, jobs.cancel, jobs.pause):
        with pytest.raises(openai.NotFoundError):
            ask(job.id)
    with pytest.raises(openai.NotFoundError) as caught:
        answer(bob, job)
    assert f"'{job.fine_tuned_model}'" not in str(caught.value).partition("(served:")[2]
    assert job.fine_tuned_model not in [model.id for model in bob.models.list()]
    assert job.fine_tuned_model not in httpx.get(str(bob.base_url.join("/healthz"))).json()["models"]


@pytest.fixture(scope="module")
def address(home: Home) -> Iterator[str]:
    with serving(home) as address:
        yield address


@pytest.fixture
def carol(address: str) -> Iterator[openai.OpenAI]:
    with as_person(address, "carol") as client:
        yield client


def test_a_key_that_may_not_train_is_told_so(address: str) -> None:
    with as_person(address, "bob") as bob, pytest.raises(openai.PermissionDeniedError, match="training_jobs"):
        bob.fine_tuning.jobs.create(model="acme", training_file=uploaded(bob))


@pytest.mark.parametrize(
    ("changes", "param", "words"),
    [
        ({"method": {"type": "dpo"}}, "method.type", "'dpo'"),
        ({"method": {"type": "reinforcement", "reinforcement": {}}}, "method.type", "'reinforcement'"),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "x"}}]}, "integrations", "not offered"),
        ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs", "from 1 to 50"),
        ({"hyperparameters": {"batch_size": "large"}}, "hyperparameters.batch_size", "from 1 to 256"),
        ({"hyperparameters": {"learning_rate_multiplier": -1}}, "hyperparameters.learning_rate_multiplier", "above 0"),
        ({"suffix": "../x"}, "suffix", "letters"),
        ({"metadata": {"a": "x" * 513}}, "metadata", "512"),
        ({"model": "acne"}, "model", "did you mean 'acme'"),
        ({"training_file": "file-0"}, "training_file", "upload it"),
        ({"epochs": 3}, "epochs", "not a parameter"),
    ],
)
def test_what_is_not_offered_is_refused_before_anything_is_read(
    address: str, carol: openai.OpenAI, changes: dict[str, Any], param: str, words: str
) -> None:
    body = {"model": "acme", "training_file": uploaded(carol), **changes}
    response = httpx.post(f"{address}{PATH}", json=body, headers={"Authorization": "Bearer carol"})
    assert response.status_code in (400, 404)
    error = response.json()["error"]
    assert error["param"] == param
    assert words in error["message"]


def test_a_file_that_is_no_training_file_is_refused_with_its_line(carol: openai.OpenAI) -> None:
    jobs = carol.fine_tuning.jobs
    with pytest.raises(openai.BadRequestError, match="line 5") as caught:
        jobs.create(model="acme", training_file=uploaded(carol, [*LINES[:4], '{"messages": []}', *LINES]))
    assert caught.value.code == "invalid_training_file"
    with pytest.raises(openai.BadRequestError, match="at least 10"):
        jobs.create(model="acme", training_file=uploaded(carol, LINES[:9]))
    with pytest.raises(openai.BadRequestError, match="uploaded for 'batch'"):
        jobs.create(model="acme", training_file=uploaded(carol, purpose="batch"))
    assert not jobs.list().data


def test_a_job_is_cancelled_and_leaves_nothing_behind(address: str, home: Home, carol: openai.OpenAI) -> None:
    job = created(carol)
    assert carol.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    folder = next(path.parent for path in home.path.glob("trainings/*/story.jsonl") if "cancelled" in path.read_text())
    until(lambda: not (folder / "conversations.jsonl").exists())
    assert not list(home.path.glob(f"*/{folder.name}*/*")) or not list(home.work_path.glob(f"{folder.name}*"))

    async def listed() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="carol", max_retries=0) as client:
            assert (await client.fine_tuning.jobs.retrieve(job.id)).status == "cancelled"
            return [event.message async for event in client.fine_tuning.jobs.list_events(job.id)]

    assert asyncio.run(listed())[0] == "The job is cancelled"


def test_without_room_a_job_is_refused_with_what_would_fit(
    carol: openai.OpenAI, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingot.serve.local.launcher.free_bytes", lambda: 1 << 20)
    file = uploaded(carol)
    with pytest.raises(openai.BadRequestError, match="take a smaller model") as caught:
        carol.fine_tuning.jobs.create(model="acme", training_file=file)
    assert caught.value.param == "model"
    assert not carol.fine_tuning.jobs.list(metadata={"team": "none"}).data
    assert not list(home.path.glob("trainings/*/conversations.jsonl"))


def test_without_keys_only_the_user_of_the_server_may_train(home: Home) -> None:
    with listening(local_app(home, ["acme"], engine="torch", supervised=False)) as address:
        body = {"model": "acme", "training_file": "file-0"}
        own = httpx.post(f"{address}{PATH}", json=body)
        assert (own.status_code, own.json()["error"]["param"]) == (400, "training_file")  # let in, and nothing begun
        passed_on = httpx.post(f"{address}{PATH}", json=body, headers={"X-Forwarded-For": "203.0.113.7"})
        assert passed_on.status_code == 403
        assert "--key-file" in passed_on.json()["error"]["message"]
