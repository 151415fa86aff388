from __future__ import annotations

import json
from pathlib import Path

import openai
import pytest

from ingot.core.errors import InputError, UsageError
from ingot.flow.home import Home
from ingot.serve.doors import LOOPBACK_NAMES
from ingot.serve.local import USAGE_FILE, KeyFile, UsageFile, known_names, local_app
from ingot.serve.ports import Usage
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
        listening(local_app(home, "acme")) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
    ):
        answer = client.completions.create(model="acme", prompt="def", max_tokens=4)
    assert answer.system_fingerprint == "acme@1/torch/continuation"
    (line,) = (home.path / USAGE_FILE).read_text().splitlines()
    assert json.loads(line)["model"] == "acme@1"


def test_an_unknown_name_is_said_before_anything_starts(home: Home) -> None:
    with pytest.raises(UsageError, match="acne"):
        local_app(home, "acne")


def test_a_damaged_model_is_not_served(home: Home) -> None:
    weights = home.get("acme").path / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        local_app(home, "acme")


def test_other_machines_need_a_key(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="other machines"):
        local_app(home, "acme", host="0.0.0.0")
    keys = tmp_path / "keys"
    keys.write_text("one\n")
    local_app(home, "acme", host="0.0.0.0", key_file=keys)


def test_names_a_server_is_known_by() -> None:
    assert known_names("127.0.0.1").names == LOOPBACK_NAMES
    beyond = known_names("0.0.0.0")
    assert beyond.any_address
    assert "0.0.0.0" not in beyond.names


def test_a_key_file_tells_keys_apart_without_keeping_them(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("one\n\n# comment\ntwo # Ada\n")
    keys = KeyFile(path)
    owners = [keys.principal("one"), keys.principal("two")]
    assert None not in owners
    assert len(set(owners)) == 2
    assert keys.principal("# comment") is None
    assert keys.principal(None) is None
    assert "one" not in repr(vars(keys))
    path.write_text("# nothing\n")
    with pytest.raises(InputError, match="no key"):
        KeyFile(path)


def test_usage_is_bounded_and_no_line_of_it_is_torn(tmp_path: Path) -> None:
    """Two servers count into the same file."""
    meters = [UsageFile(tmp_path / USAGE_FILE, most_bytes=1000) for _ in range(2)]
    for number in range(40):
        meters[number % 2].record(Usage("local", "acme@1", number, 1, 0.5))
    files = [tmp_path / "usage.1.jsonl", tmp_path / USAGE_FILE]
    assert sorted(tmp_path.glob("usage*.jsonl")) == sorted(files)
    assert all(0 < path.stat().st_size <= 1000 for path in files)
    counted = [json.loads(line)["prompt_tokens"] for path in files for line in path.read_text().splitlines()]
    assert counted == list(range(40 - len(counted), 40))
    assert len(counted) * 100 > 1000  # the last `most_bytes` at least, at about 110 bytes a line
