from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from ingot.serve.app import create_app
from ingot.serve.gateway import Limits
from ingot.serve.local.keys import KeyFile
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from tests.serve.running import Counting, PacedEngine, listening, served

LINES = b'{"a": 1}\n'


def test_a_file_of_the_openai_client(as_openai: openai.OpenAI) -> None:
    file = as_openai.files.create(file=("lines.jsonl", LINES), purpose="batch")
    assert (file.bytes, file.filename, file.purpose, file.status) == (len(LINES), "lines.jsonl", "batch", "processed")
    assert as_openai.files.retrieve(file.id).id == file.id
    assert as_openai.files.content(file.id).read() == LINES
    assert file.id in [one.id for one in as_openai.files.list(purpose="batch")]
    assert file.id not in [one.id for one in as_openai.files.list(purpose="vision")]
    assert as_openai.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        as_openai.files.retrieve(file.id)


def test_a_file_of_the_mistral_client(as_mistral: Mistral) -> None:
    file = as_mistral.files.upload(file={"file_name": "lines.jsonl", "content": LINES}, purpose="batch")
    assert (file.size_bytes, file.filename, file.source) == (len(LINES), "lines.jsonl", "upload")
    assert not as_mistral.files.retrieve(file_id=file.id).deleted
    assert as_mistral.files.download(file_id=file.id).read() == LINES
    listed = as_mistral.files.list(page=0, page_size=1)
    assert len(listed.data) == 1
    assert listed.total is not None
    assert listed.total >= 1
    assert as_mistral.files.delete(file_id=file.id).deleted


def test_a_link_leads_to_the_whole_file_without_a_key(shared: str) -> None:
    with Mistral(api_key="ada", server_url=shared) as ada, Mistral(api_key="bob", server_url=shared) as bob:
        file = ada.files.upload(file={"file_name": "lines.jsonl", "content": LINES}, purpose="batch")
        link = ada.files.get_signed_url(file_id=file.id, expiry=1).url
        assert link.startswith(f"{shared}/links/")
        got = httpx.get(link, headers={"Range": "bytes=0-3"})
        assert (got.status_code, got.content) == (200, LINES)
        assert got.headers["Cache-Control"] == "private, no-store"
        assert "attachment" in got.headers["Content-Disposition"]
        assert httpx.get(link[:-1]).status_code == 403
        assert httpx.post(link).status_code == 405
        with pytest.raises(SDKError, match="there is no file"):
            bob.files.get_signed_url(file_id=file.id)
        with pytest.raises(SDKError, match="at most 168"):
            ada.files.get_signed_url(file_id=file.id, expiry=169)
        ada.files.delete(file_id=file.id)
        assert httpx.get(link).status_code == 404


def test_files_are_listed_in_pages(as_openai: openai.OpenAI) -> None:
    made = [as_openai.files.create(file=("x", LINES), purpose="evals").id for _ in range(5)]
    listed = [file.id for file in as_openai.files.list(purpose="evals", limit=2)]
    assert sorted(listed) == sorted(made)
    for file_id in made:
        as_openai.files.delete(file_id)


@pytest.mark.parametrize("query", ["limit=-1", "limit=x", "limit=99999999999999", "after=nobody", "page=1e9"])
def test_a_wrong_page_is_refused(chat_address: str, query: str) -> None:
    response = httpx.get(f"{chat_address}/v1/files?{query}")
    assert response.status_code == 400
    assert response.json()["error"]["param"] == query.partition("=")[0]


@pytest.mark.parametrize("file_id", ["..%2Fx", "%2e%2e", "file-0", ".hidden", "a" * 300, "x%00"])
def test_what_is_no_id_is_not_found(chat_address: str, file_id: str) -> None:
    for path in (file_id, f"{file_id}/content"):
        assert httpx.get(f"{chat_address}/v1/files/{path}").status_code == 404


def test_a_form_without_a_file_is_refused(chat_address: str) -> None:
    for sent in ({"data": {"purpose": "batch"}}, {"json": {"purpose": "batch"}}, {"content": b"--x"}):
        response = httpx.post(f"{chat_address}/v1/files", **sent)  # type: ignore[arg-type]  # wrong on purpose
        assert response.status_code == 400
        assert response.json()["error"]["message"]
    wrong = httpx.post(f"{chat_address}/v1/files", data={"purpose": "world"}, files={"file": ("x", LINES)})
    assert wrong.json()["error"]["param"] == "purpose"


@pytest.fixture(scope="module")
def shared(engine: PacedEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("shared")
    keys = folder / "keys"
    keys.write_text("ada\nbob\n")
    store = FolderStore(folder / "store", most_records=3, most_bytes=1000)
    limits = Limits(file_bytes=5000)
    with listening(create_app(OneModel(served(engine)), KeyFile(Path(keys)), Counting(), store, limits)) as address:
        yield address


def test_another_keys_file_is_not_there(shared: str) -> None:
    clients = [openai.OpenAI(base_url=f"{shared}/v1", api_key=key, max_retries=0) for key in ("ada", "bob")]
    ada, bob = clients
    file = ada.files.create(file=("x", LINES), purpose="batch")
    assert not list(bob.files.list())
    for ask in (bob.files.retrieve, bob.files.content, bob.files.delete):
        with pytest.raises(openai.NotFoundError):
            ask(file.id)
    with pytest.raises(openai.NotFoundError):
        bob.batches.create(input_file_id=file.id, endpoint="/v1/completions", completion_window="24h")
    assert ada.files.delete(file.id).deleted
    for client in clients:
        client.close()


def test_a_key_keeps_so_much_and_no_more(shared: str) -> None:
    with openai.OpenAI(base_url=f"{shared}/v1", api_key="bob", max_retries=0) as client:
        with pytest.raises(openai.BadRequestError, match="1000 bytes"):
            client.files.create(file=("x", b"x" * 1001), purpose="batch")
        with pytest.raises(openai.APIStatusError) as caught:
            client.files.create(file=("x", b"x" * 10_000), purpose="batch")
        assert caught.value.status_code == 413
        for _ in range(3):
            client.files.create(file=("x", b"x"), purpose="batch")
        with pytest.raises(openai.BadRequestError, match="delete some"):
            client.files.create(file=("x", b"x"), purpose="batch")
