"""The last word of a passage: LAMBADA as it is, a document from its middle."""

from __future__ import annotations

import pytest

from ingot.core.errors import UsageError
from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.tasks.cloze import Config, items


def test_a_short_text_is_asked_for_its_last_word() -> None:
    (item,) = items(Row("lambada.jsonl", 4, {"text": "she looked at the door and then at the window."}), Config())
    assert (item.prompt, item.text) == ("she looked at the door and then at the", "window")


def test_a_document_gives_one_passage_from_its_middle() -> None:
    text = " ".join(f"word{number}" for number in range(1000))
    (item,) = items(Row("acme-dataset@1", 1, {"uri": "lease.txt", "text": text}), Config(words=16))
    assert item.id == "lease.txt"
    assert item.text == "word507"
    assert item.prompt == " ".join(f"word{number}" for number in range(492, 507))


def test_a_word_worth_asking_for_is_found() -> None:
    (item,) = items(Row("a.txt", 1, {"text": "the rent is due on the first of every month -- ( 2 )"}), Config())
    assert item.text == "month"
    (item,) = items(
        Row("a.py", 1, {"text": "one two three four five six seven eight return (self.value) ->"}), Config()
    )
    assert item.text == "return"


def test_texts_without_a_passage_are_refused() -> None:
    for text in ("too short", "1 2 3 4 5 6 7 8 9 10"):
        with pytest.raises(BadRowError):
            list(items(Row("a.txt", 1, {"text": text}), Config()))
    with pytest.raises(UsageError):
        Config(words=3)
