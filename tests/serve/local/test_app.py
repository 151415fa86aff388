from __future__ import annotations

import json
from pathlib import Path

import openai
import pytest

from ingot.core.errors import InputError, UsageError
from ingot.flow.home import Home
from ingot.serve.doors import LOOPBACK_NAMES
from ingot.serve.local.app import known_names, local_app
from ingot.serve.local.usage import USAGE_FILE
from tests.infer.tiny_model import make_model
from tests.registry.made import add
from tests.serve.running import listening


@pytest.fixture
def home(tmp_path: Path) -> Home:
    files = {path.name: path for path in make_model(tmp_path / "tiny").iterdir()}
    home = Home(tmp_path / "home")
    add(home, "acme", files=files, facts={"kind": "base", "engine": "torch"})
    return home


def test_a_model_of_the_home_answers_and_is_counted(home: Home) -> None:
    with (
        listening(local_app(home, ["acme"], supervised=False)) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
    ):
        answer = client.completions.create(model="acme", prompt="def", max_tokens=4)
    assert answer.system_fingerprint == "acme@1/torch/continuation"
    (line,) = (home.path / USAGE_FILE).read_text().splitlines()
    assert json.loads(line)["model"] == "acme@1"


def test_an_unknown_name_is_said_before_anything_starts(home: Home) -> None:
    with pytest.raises(UsageError, match="acne"):
        local_app(home, ["acne"])


def test_a_damaged_model_is_not_served(home: Home) -> None:
    weights = home.get("acme").path / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        local_app(home, ["acme"])


def test_other_machines_need_a_key(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="other machines"):
        local_app(home, ["acme"], host="0.0.0.0")
    with pytest.raises(UsageError, match=r"name models\.example lets other machines in") as caught:
        local_app(home, ["acme"], known_as=["models.example"])
    assert caught.value.where == "--known-as"
    keys = tmp_path / "keys"
    keys.write_text("one\n")
    local_app(home, ["acme"], host="0.0.0.0", key_file=keys, supervised=False)


def test_names_a_server_is_known_by() -> None:
    assert known_names("127.0.0.1").names == LOOPBACK_NAMES
    beyond = known_names("0.0.0.0")
    assert beyond.any_address
    assert "0.0.0.0" not in beyond.names
    assert known_names("0.0.0.0", ["Models.Example"]).names == beyond.names | {"models.example"}
    assert known_names("127.0.0.1", ["models.example"]).names == LOOPBACK_NAMES | {"models.example"}


def test_policies_that_are_no_text_are_named(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    path.write_bytes(b"\xff\xfed\x00")
    with pytest.raises(InputError, match="policies cannot be read") as caught:
        local_app(home, ["acme"], policies=path, supervised=False)
    assert caught.value.where == str(path)
