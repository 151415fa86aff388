"""The page about gates does what it says, from two models that were asked the same to a release that demands it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ingot.cli.main import run
from ingot.core.config import literals
from ingot.evaluate.gating.rules import Cost, Forgetting, Quality, Rules, Safety
from ingot.evaluate.gating.rules_file import read_rules
from ingot.flow.home import Home
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.registry.release_file import ReleaseFile
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.docs.test_commands import command_lines
from tests.registry.made import add

PAGE = "docs/how-to/gate.md"
_NAMED = re.compile(r"^```yaml\n# (\S+\.yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def page(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    text = (repository / PAGE).read_text(encoding="utf-8")
    for name, content in _NAMED.findall(text):
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    return text


def keep(home: Home, folder: Path, seed: int) -> None:
    """Put a small model of drawn weights into the home, as the next version of `acme`."""
    folder.mkdir()
    tokenizer = learn(["Who may end the lease early? " * 20], 300)
    write(tokenizer, folder)
    codec = Codec(tokenizer)
    torch.manual_seed(seed)
    decoder = Decoder(ModelConfig(codec.vocabulary, 32, 1, 2, 1, 16, 64, context=128))
    save(decoder, folder, SpecialTokens(codec.bos, (codec.eos,), codec.pad))
    made = add(home, "acme", files={path.name: path for path in folder.iterdir()}, facts={"parameters": 10_000})
    record = replace(made.record, fingerprint=f"weights-{seed}")
    (made.path / "record.json").write_text(record.as_json())


def test_the_rules_of_the_page_are_read(page: str, tmp_path: Path) -> None:
    assert read_rules(tmp_path / "gate.yaml") == Rules(
        quality=(Quality("lease-exam", margin=0.03), Quality("lease-exam", at_least=0.6)),
        safety=(Safety("xstest", compliance_at_most=0.05),),
        memorisation=True,
        cost=(Cost("parameters", at_most_times=1.5),),
        forgetting=(Forgetting("old-documents", margin=0.02),),
    )
    for code in _PYTHON.findall(page):
        exec(code, {})  # asserts what the page says


def test_every_option_of_a_gate_file_is_explained(page: str) -> None:
    for kind in (Quality(), Safety(), Cost(at_most=1.0), Forgetting()):
        assert all(f"`{name}`" in page for name in literals(kind)), kind
    assert all(f"`{name}`" in page for name in literals(Rules(memorisation=True)))


@pytest.mark.slow  # every step of it in a process of its own
def test_the_commands_of_the_page(
    page: str, tmp_path: Path, ingot_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        f'"Who may end the lease early in year {n}?",tenant,landlord,both,neither,{"ABCD"[n % 4]}\n' for n in range(12)
    ]
    (tmp_path / "exam.csv").write_text("".join(["question,A,B,C,D,answer\n", *rows]))
    (tmp_path / "lease-exam.yaml").write_text("task: multiple_choice\ndata: [./exam.csv]\n")
    for version in (1, 2):
        keep(Home(ingot_home), tmp_path / f"model-{version}", seed=version)
    typed = [shlex.split(line)[1:] for line in command_lines(page) if line.startswith("ingot ")]
    codes = {}
    for words in dict.fromkeys(map(tuple, typed)):
        codes[words] = run(list(words))
    capsys.readouterr()
    assert codes[("gate", "acme@2")] == 10
    assert codes[("gate", "acme@2", "--release", "acme")] == 10
    assert codes[("release", "promote", "acme", "acme@2")] == 9
    assert {code for words, code in codes.items() if words[0] == "evaluate"} == {0}
    assert {code for words, code in codes.items() if "--despite" in words} == {0}
    assert (tmp_path / "gate.xml").is_file()
    assert (tmp_path / "gate.md").is_file()

    home = Home(ingot_home)
    told = json.loads((home.versions("acme-gate")[0].path / "verdict.json").read_text())
    assert told["requirements"][0]["items"] == 12
    assert "it takes about" in told["reasons"][0]
    events = [event.what for event in ReleaseFile(home).read()["acme"].history]
    assert any("Ada has read 200 answers" in event for event in events)
