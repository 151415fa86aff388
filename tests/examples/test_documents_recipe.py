"""The recipe of the documentation, over a few documents of every kind it names, here and on Ray."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.core.storage import sha256_file
from ingot.core.tables import parts, read_rows
from ingot.flow.home import Home
from ingot.flow.recipe_file import read_recipe
from ingot.flow.runner import Options, run
from ingot.flow.tasks import NOTE_FILE
from tests.data.datasets import words
from tests.data.samples import docx_bytes, xlsx_bytes

RECIPE = Path(__file__).parents[2] / "examples/documents.yaml"
# Reading cuts them into several shards, so that there is something to give to a cluster.
ROWS = 900
_THEIRS = ("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")


def lay_out(folder: Path) -> Path:
    """Put the recipe beside documents; return it."""
    documents, records, contracts, evaluation = (
        folder / name for name in ("documents", "records", "contracts", "evaluation")
    )
    for each in (documents, records, contracts, evaluation):
        each.mkdir(parents=True)
    (documents / "handbook.md").write_text(f"# Handbook\n\n{words(1)}\nAsk ada.lovelace@acme.com for a key.\n")
    (documents / "letter.docx").write_bytes(docx_bytes(words(2), words(3)))
    (documents / "costs.xlsx").write_bytes(xlsx_bytes(Costs=[["what", "how much"], ["pumps", "12"]]))
    (documents / "note.txt").write_text("Call back.\n")
    (documents / "page.html").write_text(f"<html><body><nav>Home</nav><p>{words(4)}</p></body></html>")
    rows = [{"id": f"T-{number}", "text": words(10 + number, 40), "licence": "CC-BY-4.0"} for number in range(ROWS)]
    (records / "tickets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:-9]))
    pq.write_table(pa.Table.from_pylist(rows[-9:]), records / "older.parquet")
    for number in range(3):
        (contracts / f"{number}.txt").write_text(words(5000 + number, 400))
    (contracts / "copy.txt").write_text((contracts / "0.txt").read_text() + "Signed again.\n")
    question = " ".join(rows[7]["text"].split())
    (evaluation / "exam.jsonl").write_text(json.dumps({"text": question}) + "\n")
    return Path(shutil.copy(RECIPE, folder))


def table(home: Home, name: str) -> list[dict[str, Any]]:
    return list(read_rows(parts(home.get("acme-dataset").path, name)))


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("recipe") / "here")


@pytest.fixture(scope="module")
def home(laid_out: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("recipe") / "home")
    run(read_recipe(laid_out), home, Options(cores=2))
    return home


def stored(home: Home) -> dict[str, dict[str, Any]]:
    """Return all documents by name, the dropped ones too."""
    return {row["uri"]: row for name in ("train", "held_out", "dropped") for row in table(home, name)}


def test_every_kind_of_source_is_read_under_its_terms(home: Home) -> None:
    found = stored(home)
    terms = {uri: (row["owner"], row["licence"], row["access"]) for uri, row in found.items()}
    assert len(found) == 5 + ROWS + 4
    assert terms["files/letter.docx"] == ("acme", None, ["staff"])
    assert terms["records/tickets.jsonl/T-1"] == (None, "CC-BY-4.0", [])
    assert terms[f"records/older.parquet/T-{ROWS - 1}"] == (None, "CC-BY-4.0", [])
    assert terms["contracts/1.txt"] == ("legal", "proprietary", ["legal"])


def test_what_is_dropped_has_a_reason(home: Home) -> None:
    dropped = {row["uri"]: row["reason"] for row in table(home, "dropped")}
    assert dropped["records/tickets.jsonl/T-7"] == "in an exam"
    assert {"contracts/0.txt", "contracts/copy.txt"} & {uri for uri, why in dropped.items() if why == "near duplicate"}
    assert dropped["files/note.txt"] == "nearly empty"


def test_personal_data_is_masked(home: Home) -> None:
    text = stored(home)["files/handbook.md"]["text"]
    assert "lovelace" not in text
    assert "[EMAIL]" in text


@pytest.mark.slow
@pytest.mark.filterwarnings(*_THEIRS)
def test_a_cluster_makes_the_same_artifacts(
    laid_out: Path, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (pip install 'ingot[ray]')")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    there = Home(tmp_path / "there")
    run(read_recipe(laid_out), there, Options("ray", cores=2))
    assert [each.fingerprint for each in there.all()] == [each.fingerprint for each in home.all()]
    assert contents(there) == contents(home)


def contents(home: Home) -> dict[str, str]:
    return {
        f"{artifact.reference}/{name}": sha256_file(artifact.path / name)
        for artifact in home.all()
        for name in artifact.record.files
        if not name.endswith(NOTE_FILE)  # a note names the paths of its request
    }
