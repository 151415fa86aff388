"""What an index keeps of documents is found by their erasure, and gone after it."""

from __future__ import annotations

from pathlib import Path

from ingot.data.erasure import erase
from ingot.flow.home import Home
from ingot.flow.runner import Options, run
from ingot.recipes.retrieve import index_files
from ingot.retrieve.config import IndexConfig
from ingot.retrieve.search import open_index

SECRET = "Ananaskuchen"


def test_an_erased_document_takes_the_index_with_it(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "plain.txt").write_text("Nothing is known of the lighthouse.\n")
    (docs / "secret.txt").write_text(f"The recipe of the {SECRET} is nobody's business.\n")
    home = Home(tmp_path / "home")
    step, _ = index_files("acme-index", [str(docs)], IndexConfig())
    made = run([step], home, Options(cores=1)).artifacts["index"]
    [found] = open_index(made.path).search(SECRET)

    erased = erase(home, found.doc_id, "2026-01-01", "asked")

    assert erased.rewritten["acme-index@1"] == []
    assert not made.path.exists()
    kept = [path for path in home.path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert kept == []
    again = run([step], home, Options(cores=1)).artifacts["index"]
    assert open_index(again.path).search(SECRET) == []
    assert len(open_index(again.path).search("lighthouse")) == 1
