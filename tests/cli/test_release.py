from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.cli.main import run
from ingot.cli.release import read_share
from ingot.core.errors import UsageError
from ingot.flow.home import Home
from ingot.registry.release_file import ReleaseFile
from tests.registry.made import add


@pytest.fixture
def home(ingot_home: Path) -> Home:
    home = Home(ingot_home)
    for name in ("acme", "acme", "other"):
        add(home, name)
    return home


def test_a_release_day(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["release", "show"]) == 0
    assert "follows the newest" in capsys.readouterr().out
    for words in (
        ["promote", "acme", "acme@1"],
        ["shadow", "acme", "acme@2"],
        ["shadow", "acme", "--off"],
        ["canary", "acme", "acme@2", "--share", "10%", "--by", "caller", "--most-errors", "0.02"],
        ["rollback", "acme"],
        ["promote", "acme", "acme@2"],
        ["rollback", "acme"],
        ["follow", "acme"],
        ["archive", "acme"],
        ["restore", "acme"],
        ["promote", "chat", "other@1"],
    ):
        assert run(["release", *words]) == 0
        assert capsys.readouterr().out.startswith(f"{words[1]}: ")
    assert run(["release", "show"]) == 0
    printed = capsys.readouterr().out
    assert "newest acme" in printed
    assert "chat" in printed
    assert run(["release", "show", "acme"]) == 0
    assert "acme@2 got 0.1 of the requests, by caller" in capsys.readouterr().out
    assert run(["release", "show", "acme", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["former"][0] == "acme@1"
    assert len(ReleaseFile(home).read()["acme"].history) == 10


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["promote", "acme", "acne@1"], "'acme'"),
        (["promote", "acme", "acme@7"], "acme@1, acme@2"),
        (["promote", "acme", "acme"], "ingot release follow"),
        (["canary", "acme", "acme@1", "--share", "110%"], "write it like 10%"),
        (["canary", "acme", "acme@2", "--share", "10%"], "already"),
        (["canary", "acne", "acme@1", "--share", "10%"], "'acme'"),
        (["shadow", "acme"], "--off"),
        (["shadow", "acme", "--off"], "no shadow"),
        (["show", "acne"], "acne"),
        (["rollback", "other"], "nothing answered"),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(
    home: Home, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(["release", *words]) == 2
    assert said in capsys.readouterr().err
    assert ReleaseFile(home).read() == {}


def test_shares() -> None:
    assert [read_share(text) for text in ("10%", "0.1", " 2.5% ")] == [0.1, 0.1, 0.025]
    for text in ("0", "1", "100%", "-5%", "much", "nan"):
        with pytest.raises(UsageError):
            read_share(text)
