"""`ingot gate` from the command line: the verdict is its exit code, and promotion asks for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from ingot.cli.main import run
from ingot.evaluate.results import Result
from ingot.flow.home import Home
from ingot.registry.release_file import ReleaseFile
from tests.evaluate.gating.made import Maker, answers

RULES = "quality: {task: exam}\nmemorisation: true\n"


@pytest.fixture
def maker(tmp_path: Path, ingot_home: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    """Four versions: the first in use, then one as good, one worse, and one that was asked too little."""
    maker = Maker(Home(ingot_home), tmp_path / "made")
    good = answers(2000, lambda n: n % 3 > 0)
    said: Sequence[list[Result]] = (good, good, answers(2000, lambda n: n % 3 > 0 and n % 9 > 1), good[:50])
    for some in said:
        model = maker.model()
        maker.evaluation(model, "exam", some)
        maker.audit(model, verdict="pass", reasons=["none of 20 canaries"], extracted_once=0)
    (tmp_path / "gate.yaml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    return maker


def asked(version: int, *words: str) -> int:
    return run(["gate", f"acme@{version}", "--against", "acme@1", "--file", "gate.yaml", *words])


def test_the_exit_code_is_the_verdict(maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(3, "--junit", "out/junit.xml", "--markdown", "out/gate.md") == 9
    printed = capsys.readouterr().out
    assert "fail  acme@3 against acme@1" in printed
    assert "exam: accuracy not worse by more than 3 points" in printed
    assert Xml.parse(tmp_path / "out/junit.xml").getroot()[0].get("failures") == "1"
    assert "must not be promoted" in (tmp_path / "out/gate.md").read_text()
    assert asked(4, "--json") == 10
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["verdict"] == "unsure"
    assert "it takes about" in told["reasons"][0]
    made = maker.home.get("acme-gate")
    assert (made.kind, made.record.inputs["model"], made.record.inputs["against"]) == ("Gate", "acme@4", "acme@1")


def test_promotion_asks_the_gate(maker: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["release", "promote", "acme", "acme@1"]) == 0
    assert run(["release", "gate", "acme", "gate.yaml"]) == 0
    assert run(["release", "promote", "acme", "acme@2"]) == 9
    assert "ingot gate acme@2 --release acme" in capsys.readouterr().err
    assert run(["gate", "acme@2", "--release", "acme"]) == 0
    assert run(["release", "promote", "acme", "acme@2"]) == 0
    assert "acme-gate@1 was passed" in capsys.readouterr().out
    assert run(["release", "promote", "acme", "acme@3", "--despite", "the old one leaks"]) == 0
    history = ReleaseFile(maker.home).read()["acme"].history
    assert history[-1].what.endswith(": the old one leaks")
    assert run(["release", "show"]) == 0
    assert "quality, memorisation" in capsys.readouterr().out
    assert run(["release", "gate", "acme", "--off"]) == 0


MISTAKES = (
    ("gate acne", "'acme'"),
    ("gate exam-task", "is a Task, not a model"),
    ("gate acme@2 --against acme@2", "one and the same"),
    ("gate acme@2 --release acne", "'acme'"),
    ("gate acme@2 --file nowhere.yaml", "check the path"),
    ("gate acme@2 --file wrong.yaml", "'quality'"),
    ("release gate acme", "--off"),
    ("release gate acme --off", "demands no gate"),
    ("release gate acme wrong.yaml", "'quality'"),
    ("release promote acme acme@2 --despite hurry", "demands no gate"),
)


def test_a_mistake_is_answered_with_what_to_do(
    maker: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong.yaml").write_text("qualty: []\n")
    for line, said in MISTAKES:
        assert run(line.split()) in (2, 3), line
        assert said in capsys.readouterr().err, line


def test_a_version_that_answers_already_is_not_held_against_itself(
    maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["release", "promote", "acme", "acme@2"]) == 0
    assert run(["gate", "acme@2"]) == 2
    assert "--against" in capsys.readouterr().err
