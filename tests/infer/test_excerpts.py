from __future__ import annotations

from itertools import islice
from pathlib import Path

from ingot.infer.excerpts import documents, held_out, made_up
from tests.infer.small_dataset import make_dataset


def test_held_out_documents_come_first(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "dataset", train=["t" * 100], held_out=["zwei", "eins"])
    assert list(held_out(dataset)) == ["zwei", "eins"]
    assert list(documents(dataset, (), 1000)) == ["zwei", "eins", "t" * 100]
    assert list(documents(dataset, (), 6)) == ["zwei", "eins"]


def test_without_a_dataset_the_given_texts_are_cut_and_counted() -> None:
    pieces = list(documents(None, ["é" * 10_000, "rest"], 20_000))
    assert [len(piece) for piece in pieces] == [8192, 1808]
    assert list(documents(None, [], 100)) == []


def test_made_up_texts_repeat_and_fill_the_size() -> None:
    once, again = list(made_up(["acme "], 50_000, 1)), list(made_up(["acme "], 50_000, 1))
    assert once == again
    assert list(made_up(["acme "], 50_000, 2)) != once
    size = sum(len(text.encode("utf-8")) for text in once)
    assert 50_000 <= size < 50_000 + max(len(text.encode("utf-8")) for text in once)


def test_made_up_texts_hold_many_scripts_blanks_and_words_of_the_vocabulary() -> None:
    text = "".join(made_up(["Zweckverband"], 200_000, 0))
    for first, last in (("Ѐ", "ӿ"), ("\u0590", "\u05ff"), ("\u0600", "\u06ff"), ("ก", "ฺ"), ("가", "힣"), ("一", "鿿")):
        assert any(first <= character <= last for character in text)
    assert all(blank in text for blank in ("\u3000", "\r\n", "\u00a0"))
    assert text.count("Zweckverband") > 50
    assert all(len(one) > 500 for one in islice(made_up([], 100_000, 0), 3))
