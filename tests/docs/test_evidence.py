"""The commands of the page about evidence run, on documents and questions of a page, and write what it says."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from ingot.cli.main import run
from ingot.flow.home import Home
from tests.docs.test_commands import command_lines

KINDS = ("what", "who", "when")
SMALL = ["--steps", "12", "--width", "64", "--layers", "1", "--vocabulary", "512", "--cores", "1", "--held-out", "0.2"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Real text that every machine has: the sources of one package are one's own, those of others are general."""
    for name, packages in (("handbook", ("email",)), ("general", ("unittest", "json", "urllib"))):
        (tmp_path / name).mkdir()
        for number, text in enumerate(text for package in packages for text in sources(package)):
            (tmp_path / name / f"{number:03}.txt").write_text(text[:4000], encoding="utf-8")
    answers = [text[first : first + 500] for text in sources("http") for first in range(0, len(text), 500)][:120]
    rows = [
        {
            "question": f"{KINDS[number % 3]} about case {number}?",
            "answer": f"It is {KINDS[number % 3]}: {answer}",
            "topic": f"case {number // 2}",
            "kind": KINDS[number % 3],
        }
        for number, answer in enumerate(answers)
    ]
    (tmp_path / "faq.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sources(package: str) -> list[str]:
    """Return the modules of a package of the standard library that are longer than a few lines."""
    folder = Path(json.__file__).parents[1] / package
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))]
    return [text for text in texts if len(text) > 1000]


@pytest.mark.slow  # some twenty steps, among them two trainings
def test_the_commands_of_the_page(place: Path, ingot_home: Path, repository: Path) -> None:
    page = (repository / "docs/how-to/evidence.md").read_text(encoding="utf-8")
    typed = [shlex.split(line)[1:] for line in command_lines(page) if line.startswith("ingot evidence ./")]
    assert len(typed) == 2
    for words in typed:
        assert run([*words, *SMALL, "--arms", "own,mixed", "--home", str(ingot_home)]) == 0
    home = Home(ingot_home)
    made = home.get("acme")
    assert made.kind == "Evidence"
    assert {arm["arm"] for arm in made.facts["arms"]} == {"own", "mixed"}
    assert len(made.facts["answer"]) == 3
    assert (made.path / "evidence.html").is_file()
    written = json.loads((made.path / "evidence.json").read_text())
    assert written["arms"][0]["steps"] == 12

    gathered = home.get("acme-gathered")
    assert gathered.facts["questions"] == 120
    assert gathered.facts["groups"] == 60
    assert made.facts["arms"][0]["own"]["low"] < made.facts["arms"][0]["own"]["high"]
