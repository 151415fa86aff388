"""A secret is named in a config, looked up where it is used, and never shown."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.core.secrets import offer_environment, read_secret


@pytest.fixture(autouse=True)
def variables() -> Iterator[None]:
    offer_environment({"ACME_KEY": "hunter2", "SHELL": "sh"})
    yield
    offer_environment({})


def test_a_variable_and_a_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hunter3\n", encoding="utf-8")
    assert read_secret("env:ACME_KEY", "credential").reveal() == "hunter2"
    assert read_secret(f"file:{tmp_path}/key", "credential").reveal() == "hunter3"


def test_it_does_not_show_itself() -> None:
    secret = read_secret("env:ACME_KEY", "credential")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.hide("wrong key hunter2 for acme") == "wrong key *** for acme"


@pytest.mark.parametrize("reference", ["hunter2", "", "env:", "file:", "vault:hunter2"])
def test_a_secret_itself_is_refused_and_not_repeated(reference: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_secret(reference, "credential")
    assert "hunter2" not in str(caught.value)
    assert "env:NAME" in caught.value.fix


def test_an_unknown_variable_is_told_its_nearest_relative_only() -> None:
    with pytest.raises(InputError) as caught:
        read_secret("env:ACME_KYE", "credential")
    assert caught.value.fix == "did you mean 'ACME_KEY'?"
    with pytest.raises(InputError) as caught:
        read_secret("env:OTHER_KEY_OF_MINE", "credential")
    assert "SHELL" not in caught.value.fix


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_secret(f"file:{tmp_path}/none", "credential")


def test_a_process_that_was_offered_nothing_asks_for_a_file() -> None:
    script = "from ingot.core.secrets import read_secret; read_secret('env:ACME_KEY', 'credential')"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "ACME_KEY": "hunter2"}, capture_output=True, text=True
    )
    assert "file:PATH" in done.stderr
    assert "hunter2" not in done.stderr
