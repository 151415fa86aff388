from __future__ import annotations

from pathlib import Path

import httpx
import openai
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

PATH = "/v1/audio/transcriptions"


def test_both_clients_are_told_that_nothing_hears_here(as_openai: openai.OpenAI, as_mistral: Mistral) -> None:
    with pytest.raises(openai.NotFoundError, match="no audio model is registered") as caught:
        as_openai.audio.transcriptions.create(model="whisper-1", file=("speech.wav", b"RIFF"))
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    with pytest.raises(SDKError, match="no audio model is registered"):
        as_mistral.audio.transcriptions.complete(
            model="voxtral-mini-latest", file={"file_name": "speech.wav", "content": b"RIFF"}
        )


def test_a_form_that_is_none_is_refused(chat_address: str, tmp_path: Path) -> None:
    for sent, param in (({"data": {"language": "en"}}, "model"), ({"data": {"model": "whisper-1"}}, "file")):
        response = httpx.post(f"{chat_address}{PATH}", **sent)  # type: ignore[arg-type]  # wrong on purpose
        assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    broken = httpx.post(f"{chat_address}{PATH}", content=b"--x", headers={"Content-Type": "multipart/form-data"})
    assert broken.status_code == 400
    large = httpx.post(f"{chat_address}{PATH}", files={"file": ("speech.wav", bytes(27 << 20))})
    assert large.status_code == 413
