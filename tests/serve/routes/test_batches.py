# Answers are unions in the clients' types; a test knows which member it gets, hence the ignored codes below.
from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from mistralai.client import Mistral

from ingot.serve.app import create_app
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from tests.serve.running import Counting, PacedEngine, eventually, listening, served

CHAT = "/v1/chat/completions"


def line(name: str, **body: Any) -> dict[str, Any]:
    whole = {"model": "acme", "messages": [{"role": "user", "content": "x"}], "max_tokens": 2, **body}
    return {"custom_id": name, "method": "POST", "url": CHAT, "body": whole}


def content(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def ended(client: openai.OpenAI, batch_id: str) -> Any:
    eventually(lambda: client.batches.retrieve(batch_id).status in ("completed", "failed", "cancelled"))
    return client.batches.retrieve(batch_id)


def results(client: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id is not None
    return [json.loads(one) for one in client.files.content(file_id).read().splitlines()]


def test_a_batch_of_the_openai_client(client: openai.OpenAI) -> None:
    lines = content(line("one"), line("two", temperature=9), line("three", model="acne"))
    file = client.files.create(file=("in.jsonl", lines), purpose="batch")
    made = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "b"}
    )
    batch = ended(client, made.id)
    assert batch.status == "completed"
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (3, 1, 2)
    assert batch.metadata == {"a": "b"}
    (good,) = results(client, batch.output_file_id)
    assert good["custom_id"] == "one"
    assert good["response"]["body"]["choices"][0]["finish_reason"] == "length"
    bad = results(client, batch.error_file_id)
    assert [(one["custom_id"], one["response"]["status_code"]) for one in bad] == [("two", 400), ("three", 404)]
    assert made.id in [one.id for one in client.batches.list()]


def test_a_job_of_the_mistral_client(address: str) -> None:
    with Mistral(api_key="none", server_url=address) as client:
        requests: Any = [{"custom_id": name, "body": line(name)["body"]} for name in ("one", "two")]
        job = client.batch.jobs.create(endpoint="/v1/chat/completions", requests=requests, model="acme")
        eventually(lambda: client.batch.jobs.get(job_id=job.id).status == "SUCCESS")
        job = client.batch.jobs.get(job_id=job.id)
        assert (job.total_requests, job.succeeded_requests, job.failed_requests) == (2, 2, 0)
        assert isinstance(job.output_file, str)
        text = client.files.download(file_id=job.output_file).read().decode()
        assert [json.loads(one)["custom_id"] for one in text.splitlines()] == ["one", "two"]
        assert client.batch.jobs.list(status=["SUCCESS"]).total >= 1


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (b"", "empty"),
        (b"{\n", "line 1"),
        (content(line("a"), line("a")), "there twice"),
        (content({**line("a"), "url": "/v1/completions"}), "not a POST"),
    ],
)
def test_a_file_that_is_no_batch_fails_with_its_line(client: openai.OpenAI, lines: bytes, told: str) -> None:
    file = client.files.create(file=("in.jsonl", lines), purpose="batch")
    made = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    batch = ended(client, made.id)
    assert batch.status == "failed"
    assert told in batch.errors.data[0].message


def test_a_batch_is_cancelled_and_keeps_what_was_answered(client: openai.OpenAI, engine: PacedEngine) -> None:
    file = client.files.create(file=("in.jsonl", content(*(line(str(n)) for n in range(5)))), purpose="batch")
    allowed = engine.hold()
    made = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    allowed.release(2)
    eventually(lambda: (client.batches.retrieve(made.id).request_counts or made).total == 5)  # type: ignore[union-attr]
    time.sleep(0.2)
    client.batches.cancel(made.id)
    batch = ended(client, made.id)
    assert batch.status == "cancelled"
    assert batch.request_counts.completed == len(results(client, batch.output_file_id)) == 1
    assert client.batches.cancel(made.id).status == "cancelled"


def test_a_batch_goes_on_after_a_restart(engine: PacedEngine, tmp_path: Path) -> None:
    meter = Counting()

    def app() -> Any:
        return create_app(OneModel(served(engine)), Anybody(), meter, FolderStore(tmp_path))

    allowed = engine.hold()
    with (
        listening(app()) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as client,
    ):
        file = client.files.create(file=("in.jsonl", content(*(line(str(n)) for n in range(4)))), purpose="batch")
        made = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        allowed.release(4)
        eventually(lambda: any(path.read_bytes() for path in tmp_path.rglob("*journal.bin")))
    engine.allowed = None
    (journal,) = tmp_path.rglob("*journal.bin")
    with journal.open("ab") as file_of_journal:
        file_of_journal.write(b'{"number": 3, "has_fai')  # torn by a crash
    first = journal.read_bytes().count(b"\n")
    before = len(meter.records)
    with (
        listening(app()) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as client,
    ):
        batch = ended(client, made.id)
        assert batch.status == "completed"
        assert batch.request_counts.completed == 4
        assert [one["custom_id"] for one in results(client, batch.output_file_id)] == ["0", "1", "2", "3"]
    assert len(meter.records) - before == 4 - first


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("/v1/batches", {"input_file_id": "file-0", "endpoint": "/v1/nowhere"}, "endpoint"),
        ("/v1/batches", {"input_file_id": "file-0", "endpoint": CHAT, "completion_window": "1h"}, "completion_window"),
        ("/v1/batches", {"endpoint": CHAT}, "input_file_id"),
    ],
)
def test_a_wrong_batch_is_refused(address: str, path: str, fields: dict[str, Any], param: str) -> None:
    response = httpx.post(f"{address}{path}", json=fields)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_a_wrong_job_is_refused_in_words_of_mistral(address: str) -> None:
    response = httpx.post(f"{address}/v1/batch/jobs", json={"endpoint": CHAT, "timeout_hours": 10**9})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", "timeout_hours"]
    assert httpx.post(f"{address}/v1/batch/jobs", json={"endpoint": CHAT}).status_code == 400
