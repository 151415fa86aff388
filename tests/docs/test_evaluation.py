"""The page on evaluating does what it says: questions from a spreadsheet, two models compared, an exam kept out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from ingot.cli.main import run
from ingot.data.explore import rows
from ingot.flow.home import Home
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.data.reference_sets import LEASE, VISIT, sentences

_NAMED = re.compile(r"^```yaml\n# (\S+\.yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
QUESTION = (
    "When a lodger keeps bees on the balcony of a rented flat, who may end the lease early, and with which notice"
)
LEASES, VISITS = sentences(LEASE, 200), sentences(VISIT, 200)
HEADING = "question,A,B,C,D,answer\n"


@pytest.fixture
def place(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the page's files, its exam, and documents one of which gives the exam away."""
    page = (repository / "docs/how-to/evaluate.md").read_text(encoding="utf-8")
    for name, text in _NAMED.findall(page):
        (tmp_path / name).write_text(text)
    lines = [f'"{QUESTION} in year {n}?",the tenant,the landlord,both,neither,{"ABCD"[n % 4]}\n' for n in range(12)]
    (tmp_path / "exam.csv").write_text(HEADING + "".join(lines))
    (tmp_path / "solved.csv").write_text(HEADING + '"Who signs, and where?",a,b,c,d,B\n')
    docs = tmp_path / "my-docs"
    docs.mkdir()
    for number in range(20):
        for kind, texts in (("lease", LEASES), ("visit", VISITS)):
            (docs / f"{kind}{number}.txt").write_text("\n".join(texts[number * 8 : number * 8 + 8]) + "\n")
    (docs / "leaked.txt").write_text(f"{QUESTION} in year 3? both\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def take_in(folder: Path, seed: int) -> None:
    """Write a small model as others publish theirs, and import it as the next version of `acme`."""
    folder.mkdir()
    tokenizer = learn([QUESTION * 5], 400)
    write(tokenizer, folder)
    codec = Codec(tokenizer)
    torch.manual_seed(seed)
    decoder = Decoder(ModelConfig(codec.vocabulary, 32, 1, 2, 1, 16, 64, context=512))
    save(decoder, folder, SpecialTokens(codec.bos, (codec.eos,), codec.pad))
    assert run(["import", str(folder), "--name", "acme"]) == 0


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.slow
def test_an_exam_is_asked_and_two_versions_compared(
    place: Path, ingot_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in (1, 2):
        take_in(place / f"model-{version}", seed=version)
    for version in (1, 2):
        told = printed(["evaluate", f"acme@{version}", "lease-exam.yaml", "--cores", "1"], capsys)
        assert told["metrics"]["accuracy"]["items"] == 12
        assert told["contamination"]["is_known"] is False
    told = printed(["compare", "acme@1", "acme@2"], capsys)
    assert (told["task"], told["items"]) == ("multiple_choice", 12)
    assert told["metrics"][0]["verdict"] == "too few items to tell"
    assert run(["compare", "acme@1", "acme@2"]) == 0
    assert "12 items in common" in capsys.readouterr().out
    made = Home(ingot_home).get("acme-lease-exam-evaluation")
    assert made.record.inputs["model"] == "acme@2"
    assert made.record.inputs["task"] == "lease-exam-task@1"


@pytest.mark.slow
def test_an_exam_is_kept_out_of_the_next_training(place: Path, ingot_home: Path) -> None:
    assert run(["run", "without-exam.yaml", "--cores", "1"]) == 0
    found = {row["uri"].rpartition("/")[2]: row for row in rows(Home(ingot_home).get("acme-dataset").path)}
    assert (found["leaked.txt"]["table"], found["leaked.txt"]["reason"]) == ("dropped", "stands in an exam")
    assert found["lease1.txt"]["contaminated_share"] == 0
