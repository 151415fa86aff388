"""A dataset can be searched, sampled and compared, and every document says why it is where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data import explore
from ingot.data.config import CurateConfig
from ingot.data.distribution import QUANTILES, describe
from ingot.data.explain import explain
from ingot.data.rules import Rule
from ingot.data.trying import read_rules, try_rules
from tests.data.datasets import corpus, dataset, words

TEXTS = corpus() | {
    "900.txt": words(3),
    "901.txt": words(4) + " one more",
    "odd.txt": "#" * 3000,
    "note.txt": "Die Kündigungsfrist beträgt drei Monate.\n" + words(77),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explore") / "dataset"
    dataset(path, TEXTS, shards=3)
    return path


def test_search_finds_text_in_any_case_and_shows_it(folder: Path) -> None:
    (hit,) = explore.search(folder, "KÜNDIGUNGSFRIST")
    assert (hit.uri, hit.before, hit.match) == ("note.txt", "Die ", "Kündigungsfrist")
    assert hit.after.startswith(" beträgt drei")
    assert list(explore.search(folder, "k.ndigung")) == []
    assert [hit.uri for hit in explore.search(folder, r"k\pL+frist", is_regex=True)] == ["note.txt"]


def test_a_bad_expression_says_so_and_a_hostile_one_is_fast(folder: Path) -> None:
    with pytest.raises(UsageError, match="not a regular expression") as caught:
        next(explore.search(folder, "(a", is_regex=True))
    assert caught.value.why.startswith("missing )")
    assert list(explore.search(folder, "(#+)+x", is_regex=True)) == []


def test_a_sample_is_the_same_for_the_same_seed(folder: Path) -> None:
    one, two, three = (explore.sample(folder, 5, seed) for seed in (1, 1, 2))
    assert [row["doc_id"] for row in one] == [row["doc_id"] for row in two]
    assert [row["doc_id"] for row in one] != [row["doc_id"] for row in three]


def test_a_document_is_found_by_id_beginning_and_uri(folder: Path) -> None:
    (row,) = explore.find(folder, "odd.txt")
    for wanted in (row["doc_id"], row["doc_id"][:8]):
        assert explore.find(folder, wanted) == [row]
    with pytest.raises(InputError, match=r"no document 'nothing\.txt'"):
        explore.find(folder, "nothing.txt")


def test_a_document_is_found_by_the_only_end_of_its_uri(tmp_path: Path) -> None:
    texts = {f"{folder}/leave.md": words(200 + number) for number, folder in enumerate("abcdefg")}
    dataset(
        tmp_path / "dataset", corpus() | texts | {"a/handbook.docx": words(250), "a/other handbook.docx": words(251)}
    )
    (row,) = explore.find(tmp_path / "dataset", "handbook.docx")
    assert row["uri"] == "a/handbook.docx"
    assert explore.find(tmp_path / "dataset", "c/leave.md")[0]["uri"] == "c/leave.md"
    with pytest.raises(InputError, match=r"7 documents end in 'leave\.md'") as caught:
        explore.find(tmp_path / "dataset", "leave.md")
    assert caught.value.why == "a/leave.md, b/leave.md, c/leave.md, d/leave.md, e/leave.md, ..."
    with pytest.raises(InputError) as caught:
        explore.find(tmp_path / "dataset", "handbok.docx")
    assert caught.value.fix == "did you mean 'a/handbook.docx'?"


def test_an_explanation_says_why(folder: Path) -> None:
    verdicts = {uri: explain(folder, uri)[0].verdict for uri in ("900.txt", "901.txt", "odd.txt")}
    assert verdicts["900.txt"] == "It was dropped: exact duplicate of 003.txt."
    assert "although it nearly repeats 004.txt" in verdicts["901.txt"]
    assert "Unusual in this corpus:" in verdicts["odd.txt"]
    assert "mostly symbols" in verdicts["odd.txt"]
    (odd,) = explain(folder, "odd.txt")
    (share,) = (each for each in odd.statistics if each.column == "symbol_share")
    assert (share.value, share.quantile) == (1.0, 1.0)


@pytest.mark.parametrize("beginning", ["", "rules:\n", "filters: [symbols]\ndrop:\n"])
def test_rules_stand_alone_or_in_a_curation_file(tmp_path: Path, beginning: str) -> None:
    (tmp_path / "rules.yaml").write_text(beginning + "- {name: long, column: bytes, above: 100}\n")
    assert read_rules(tmp_path / "rules.yaml") == [Rule("long", "bytes", above=100)]


def test_two_datasets_are_compared(folder: Path, tmp_path: Path) -> None:
    changed = {uri: text for uri, text in TEXTS.items() if uri not in ("010.txt", "note.txt")}
    config = CurateConfig(drop=(Rule("symbols", "symbol_share", above=0.9),))
    dataset(tmp_path / "dataset", changed | {"new.txt": words(500), "note.txt": words(501)}, config)
    found = explore.diff(folder, tmp_path / "dataset")
    assert (found.added, found.removed, found.changed) == (["new.txt"], ["010.txt"], ["note.txt"])
    assert ("odd.txt", "dropped") in [(place, after) for place, _, after in found.moved]


def test_a_folder_that_is_no_dataset_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a dataset"):
        describe(tmp_path)


def test_distributions_cover_numbers_and_words(folder: Path) -> None:
    found = {each.column: each for each in describe(folder)}
    symbols = found["symbol_share"]
    assert (symbols.documents, len(symbols.quantiles), symbols.quantiles[-1]) == (len(TEXTS), len(QUANTILES), 1.0)
    assert found["media_type"].words == {"text/plain": len(TEXTS)}
    assert found["reason"].words == {"": len(TEXTS) - 1, "exact duplicate": 1}


def test_rules_are_tried_and_nothing_is_dropped(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("- {name: symbols, column: symbol_share, above: 0.9}\n- {name: long, column: bytes, above: 2000}\n")
    symbols, long = try_rules(folder, read_rules(path), examples=2)
    assert (symbols.rule, symbols.documents, symbols.alone) == ("symbols", 1, 0)
    assert symbols.examples[0].uri == "odd.txt"
    assert symbols.examples[0].opening.startswith("###")
    assert long.documents >= 1
    assert 0 < symbols.share < 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x", "not a list"),
        ("- {name: x, colum: y}", "did you mean 'column'"),
        ("- [", "not valid YAML"),
        ("- {name: x, column: shape, above: 1}", "does not have"),
    ],
)
def test_rules_that_make_no_sense_say_so(folder: Path, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        try_rules(folder, read_rules(tmp_path / "rules.yaml"), 1)
    assert said in str(caught.value)
