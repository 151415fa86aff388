"""SuperGLUE (Wang et al. 2019) in its published JSON Lines, or flat as Parquet: judgements as a choice between texts.

The prompts are those of lm-evaluation-harness. MultiRC and ReCoRD hold several questions in a row, and each is an item;
in ReCoRD every entity stands in the blank once, and any of the answers is right. WSC is shown as it is published.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Choice

VERSION = 1
Name = Literal["boolq", "cb", "copa", "multirc", "record", "rte", "wic", "wsc"]


@dataclass(frozen=True)
class Config:
    """Which of the tasks the files hold."""

    name: Name


def items(row: Row, config: Config) -> Iterator[Choice]:
    """Yield the row's questions."""
    yield from _READ[config.name](row)


def _judged(row: Row, prompt: str, words: tuple[str, ...], labels: tuple[str, ...], name: str) -> Iterator[Choice]:
    yield Choice(row.place, prompt, words, (row.place_among("label", labels),), name)


def _boolq(row: Row) -> Iterator[Choice]:
    prompt = f"{row.text('passage')}\nQuestion: {row.text('question')}?\nAnswer:"
    yield from _judged(row, prompt, ("no", "yes"), ("false", "true"), "boolq")


def _cb(row: Row) -> Iterator[Choice]:
    prompt = f"{row.text('premise')}\nQuestion: {row.text('hypothesis')}. True, False, or Neither?\nAnswer:"
    words = ("True", "False", "Neither")
    yield from _judged(row, prompt, words, ("entailment", "contradiction", "neutral"), "cb")


def _rte(row: Row) -> Iterator[Choice]:
    prompt = f"{row.text('premise')}\nQuestion: {row.text('hypothesis')} True or False?\nAnswer:"
    yield from _judged(row, prompt, ("True", "False"), ("entailment", "not_entailment"), "rte")


def _copa(row: Row) -> Iterator[Choice]:
    words = {"cause": "because", "effect": "therefore"}
    asked = row.text("question")
    if asked not in words:
        raise BadRowError("question", f"is {asked!r}, neither cause nor effect")
    choices = tuple(text[0].lower() + text[1:] for text in (row.text("choice1"), row.text("choice2")))
    prompt = f"{row.text('premise').strip()[:-1]} {words[asked]}"
    yield Choice(row.place, prompt, choices, (row.place_among("label", ("0", "1")),), "copa")


def _wic(row: Row) -> Iterator[Choice]:
    one, two = row.text("sentence1"), row.text("sentence2")
    word = one[_number(row, "start1") : _number(row, "end1")]
    prompt = (
        f"Sentence 1: {one}\nSentence 2: {two}\n"
        f"Question: Is the word '{word}' used in the same way in the two sentences above?\nAnswer:"
    )
    yield from _judged(row, prompt, ("no", "yes"), ("false", "true"), "wic")


def _wsc(row: Row) -> Iterator[Choice]:
    """Yield whether a pronoun means a name; positions count words."""
    text = row.text("text")
    target = Row(row.file, row.number, row.fields.get("target") or row.fields)
    noun, pronoun = target.text("span1_text"), target.text("span2_text")
    before = " ".join(text.split()[: _number(target, "span2_index")])
    passage = f"{before} *{pronoun}*{text[len(before) + len(pronoun) + 1 :]}".strip()
    prompt = (
        f"Passage: {passage}\n"
        f'Question: In the passage above, does the pronoun "*{pronoun}*" refer to "*{noun}*"?\nAnswer:'
    )
    yield from _judged(row, prompt, ("no", "yes"), ("false", "true"), "wsc")


def _multirc(row: Row) -> Iterator[Choice]:
    """Yield every answer of every question, as published or one a row."""
    if row.has("paragraph"):
        label = row.place_among("label", ("0", "1"))
        yield _answer(row.place, row.text("paragraph"), row.text("question"), row.text("answer"), label)
        return
    passage = _inside(row, "passage")
    for asked in _list(passage, "questions"):
        for answer in _list(asked, "answers"):
            label = answer.place_among("label", ("0", "1"))
            place = f"{row.place}/{asked.number}/{answer.number}"
            yield _answer(place, passage.text("text"), asked.text("question"), answer.text("text"), label)


def _answer(place: str, paragraph: str, question: str, answer: str, label: int) -> Choice:
    choices = tuple(f"{answer}\nIs the answer correct? {word}" for word in ("no", "yes"))
    return Choice(place, f"{paragraph}\nQuestion: {question}\nAnswer:", choices, (label,), "multirc")


def _record(row: Row) -> Iterator[Choice]:
    """Yield every query: which entity of the passage stands in the blank."""
    passage = _inside(row, "passage")
    text = re.sub(r"\n@highlight\n", "\n", passage.text("text"))
    spans = _list(passage, "entities")
    whole = passage.text("text")
    names = sorted({whole[_number(span, "start") : _number(span, "end") + 1] for span in spans})
    for asked in _list(row, "qas"):
        query = asked.text("query")
        before, blank, after = query.partition("@placeholder")
        if not blank:
            raise BadRowError("qas.query", "has no @placeholder")
        answers = {answer.text("text") for answer in _list(asked, "answers")}
        right = tuple(place for place, name in enumerate(names) if name in answers)
        if not right:
            raise BadRowError("qas.answers", "are no entities of the passage")
        choices = tuple(f"{name}{after}" for name in names)
        yield Choice(f"{row.place}/{asked.number}", f"{text}\n{before}".rstrip(), choices, right, "record")


def _inside(row: Row, name: str) -> Row:
    value = row.value(name)
    if not isinstance(value, Mapping):
        raise BadRowError(name, "is no object with fields")
    return Row(row.file, row.number, value)


def _list(row: Row, name: str) -> list[Row]:
    value: Any = row.value(name)
    if not isinstance(value, list) or not value or not all(isinstance(each, Mapping) for each in value):
        raise BadRowError(name, "is no list of objects")
    return [Row(row.file, number, each) for number, each in enumerate(value)]


def _number(row: Row, name: str) -> int:
    value = str(row.value(name))
    if not value.isdecimal():
        raise BadRowError(name, f"is {value!r}, no position")
    return int(value)


_READ: Mapping[str, Callable[[Row], Iterator[Choice]]] = {
    "boolq": _boolq,
    "cb": _cb,
    "copa": _copa,
    "multirc": _multirc,
    "record": _record,
    "rte": _rte,
    "wic": _wic,
    "wsc": _wsc,
}
