"""The page on what a model knows by heart does what it says: canaries from a recipe file, and an audit by command."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.cli.main import run
from ingot.data.canaries import read
from ingot.flow.home import Home, describe_files
from tests.evaluate.audited import make

_NAMED = re.compile(r"^```yaml\n# (\S+\.yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SENTENCE = "The lease of flat {number} ends on day {number} of the month, as both of them wrote in letter {number}.\n"


def test_the_recipe_puts_canaries_where_the_page_says(
    repository: Path, tmp_path: Path, ingot_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (repository / "docs/how-to/audit-memorisation.md").read_text(encoding="utf-8")
    ((name, text),) = _NAMED.findall(page)
    (tmp_path / name).write_text(text)
    (tmp_path / "my-docs").mkdir()
    for number in range(30):
        lines = (SENTENCE.format(number=100 * number + line) for line in range(40))
        (tmp_path / f"my-docs/{number}.txt").write_text("".join(lines))
    monkeypatch.chdir(tmp_path)
    assert run(["run", name, "--cores", "1"]) == 0
    shards = Home(ingot_home).get("acme-shards")
    planted = read(shards.path, shards.facts["canaries"])
    assert planted is not None
    assert planted.counts[1] == 10
    assert 0 < shards.facts["canaries"]["share"] <= 0.06


@pytest.mark.slow
def test_a_model_of_the_home_is_audited_once(
    tmp_path: Path, ingot_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(ingot_home)
    home.create()
    audited = make(tmp_path / "made")
    for one, inputs in ((audited.shards, {}), (audited.by_heart, {"shards": "acme-shards@1"})):
        record = replace(one.record, files=describe_files(one.path), inputs=inputs)
        home.commit(one.path, record)
    assert run(["audit", "acme-checkpoint", "--cores", "1"]) == 0
    text = capsys.readouterr().out
    assert "it says 10 of 10 canaries that stand in its text only once" in text
    assert re.search(r"once +10 +10 +10 ", text)
    assert run(["audit", "acme-checkpoint", "--cores", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["artifact"], told["verdict"], told["extracted_once"]) == ("acme-audit@1", "fail", 10)
    assert run(["audit", "acme-shards"]) == 3
    assert "is a Shards, which knows nothing by heart" in capsys.readouterr().err
