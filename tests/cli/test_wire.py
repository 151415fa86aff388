from __future__ import annotations

from pathlib import Path

import pytest

from ingot.cli.wire import home_at, home_words


def test_a_home_may_begin_with_a_tilde() -> None:
    assert home_at("~/models").path == Path.home() / "models"


def test_the_next_command_names_a_home_only_when_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INGOT_HOME", raising=False)
    assert home_words("~/.ingot") == ""
    assert home_words("/data/my models") == " --home '/data/my models'"
    monkeypatch.setenv("INGOT_HOME", "/data/my models")
    assert home_words("/data/my models") == ""
