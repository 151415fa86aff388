"""Documents to label come once each, and the file keeps every label whatever happens next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.labelling import BAD, GOOD, LabelFile, Labelling, Shown
from tests.data.datasets import corpus, dataset

CHARACTERS = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("labelling") / "dataset"
    dataset(place, corpus(30), shards=2)
    return place


def test_every_document_comes_once_in_an_order_that_stays(folder: Path, tmp_path: Path) -> None:
    orders = []
    for name in ("one", "two"):
        labelling = Labelling(folder, LabelFile(tmp_path / name), CHARACTERS)
        order = []
        while (shown := labelling.current()) is not None:
            assert len(shown.text) <= CHARACTERS + 10
            assert shown.bytes > CHARACTERS
            order.append(shown.uri)
            labelling.say(GOOD)
        orders.append(order)
    assert orders[0] == orders[1] != sorted(orders[0])
    assert sorted(orders[0]) == sorted(corpus(30))


def test_a_later_session_goes_on(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    first = Labelling(folder, LabelFile(path), CHARACTERS)
    seen = []
    for label in (GOOD, BAD, None):
        seen.append(_current(first).doc_id)
        first.say(label)
    labels = LabelFile(path)
    assert labels.counts == {"good": 1, "bad": 1, "skipped": 1}
    assert labels.labels == 2
    assert _current(Labelling(folder, labels, CHARACTERS)).doc_id == _current(first).doc_id
    written = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(each["doc_id"], each["label"]) for each in written] == list(zip(seen, (GOOD, BAD, None), strict=True))
    assert {key for each in written for key in each} == {"doc_id", "uri", "label"}


def test_the_last_label_can_be_taken_back_also_in_another_session(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    labelling = Labelling(folder, LabelFile(path), CHARACTERS)
    assert not labelling.undo()
    one = _current(labelling)
    labelling.say(GOOD)
    again = Labelling(folder, LabelFile(path), CHARACTERS)
    assert again.undo()
    assert _current(again) == one
    assert path.read_text() == ""
    assert not again.undo()


def test_a_label_of_an_erased_document_can_be_taken_back(folder: Path, tmp_path: Path) -> None:
    labels = LabelFile(tmp_path / "labels.jsonl")
    labels.add(Shown("gone", "gone.txt", 3, "abc"), BAD)
    labelling = Labelling(folder, labels, CHARACTERS)
    before = labelling.current()
    assert labelling.undo()
    assert labelling.current() == before
    assert labels.labels == 0


def test_labels_written_elsewhere_stay(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"text": "by hand", "label": "good"}\n\n')
    labels = LabelFile(path)
    assert labels.undo() is None
    Labelling(folder, labels, CHARACTERS).say(BAD)
    assert [json.loads(line).get("text") for line in path.read_text().splitlines()] == ["by hand", None]


@pytest.mark.parametrize("line", ["{", "[]", '{"text": "a"}', '{"doc_id": 3, "label": "good"}'])
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path, line: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(InputError, match="line 1"):
        LabelFile(path)
    assert path.read_text() == line + "\n"


def test_what_cannot_be_read_or_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        LabelFile(tmp_path)
    labels = LabelFile(tmp_path / "nowhere" / "labels.jsonl")
    with pytest.raises(UsageError, match="cannot be written"):
        labels.add(Shown("a", "a.txt", 1, "a"), GOOD)


def test_only_datasets_are_labelled(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a dataset"):
        Labelling(tmp_path, LabelFile(tmp_path / "labels.jsonl"), CHARACTERS)


def _current(labelling: Labelling) -> Shown:
    shown = labelling.current()
    assert shown is not None
    return shown
