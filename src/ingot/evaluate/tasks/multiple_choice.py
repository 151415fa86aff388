"""Multiple choice from tables and JSON: a question, its choices in columns or a list, and which one is right.

Reads MMLU as published (with or without a heading, as CSV or Parquet), ARC and CommonsenseQA (choices with `text` and
`label`), HellaSwag (`ctx`, `endings`), and a spreadsheet saved as CSV. With `style: letters` the choices stand in the
prompt and the model says a letter, as MMLU is asked (Hendrycks et al. 2021); with `style: texts` it weighs the choices
themselves. The prompts are those of lm-evaluation-harness.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Choice

VERSION = 1
_LETTERS = "ABCDEFGHIJ"
_HEADING = ("question", "A", "B", "C", "D", "answer")
_COLUMNS = (("A", "B", "C", "D"), ("choice0", "choice1", "choice2", "choice3"), ("choice1", "choice2"))
_LISTS, _ANSWERS, _QUESTIONS = ("choices", "endings"), ("answer", "answerKey", "label"), ("question", "ctx")


@dataclass(frozen=True)
class Config:
    """The names of the fields, where they are not the usual ones, and how the question is put.

    `choices` names the columns of the choices, or one field with a list of them. The right one is said by its number
    from 0 or from `first_number`, by its letter, or by its text.
    """

    question: str = ""
    choices: tuple[str, ...] = ()
    answer: str = ""
    group: str = "subject"
    first_number: int = 0
    style: Literal["letters", "texts"] = "letters"


def columns(first: Sequence[str]) -> Sequence[str] | None:
    """Name the columns of MMLU's own files, which have no heading."""
    is_published = len(first) == len(_HEADING) and first[-1].strip() in _HEADING[1:-1]
    return _HEADING if is_published else None


def items(row: Row, config: Config) -> Iterator[Choice]:
    """Yield the row's question."""
    question = row.text(config.question or _first(row, _QUESTIONS)).strip()
    choices, labels = _choices(row, config)
    right = _right(row, config.answer or _first(row, _ANSWERS), choices, labels, config.first_number)
    # A wrong choice may be there twice: MMLU as published has such a question.
    if choices.count(choices[right]) > 1:
        raise BadRowError("choices", f"{choices[right]!r} is there twice, so nobody can say which is right")
    group = str(row.fields[config.group]) if row.has(config.group) else row.stem.rpartition("_")[0]
    if config.style == "texts":
        prompt = question if row.has("ctx") else f"Question: {question}\nAnswer:"
        yield Choice(row.place, prompt, choices, (right,), group)
        return
    letters = tuple(_LETTERS[: len(choices)])
    lines = [f"{letter}. {choice}" for letter, choice in zip(letters, choices, strict=True)]
    yield Choice(row.place, "\n".join([question, *lines, "Answer:"]), letters, (right,), group)


def _first(row: Row, names: Sequence[str]) -> str:
    return next((name for name in names if row.has(name)), names[0])


def _choices(row: Row, config: Config) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the choices, and the names their row gives them."""
    names = config.choices or next((each for each in _COLUMNS if row.has(*each)), ())
    if len(names) > 1:
        choices, labels = tuple(row.text(name) for name in names), tuple(names)
    else:
        name = names[0] if names else _first(row, _LISTS)
        choices, labels = _listed(row, name)
    if not 2 <= len(choices) <= len(_LETTERS):
        raise BadRowError("choices", f"has {len(choices)}; 2 to {len(_LETTERS)} make a question")
    return choices, labels


def _listed(row: Row, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    value: Any = row.value(name)
    if isinstance(value, Mapping) and "text" in value:  # ARC: {"text": [...], "label": [...]}
        inner = Row(row.file, row.number, value)
        return inner.texts("text"), tuple(map(str, value.get("label") or ()))
    return row.texts(name), ()


def _right(row: Row, name: str, choices: Sequence[str], labels: Sequence[str], first_number: int) -> int:
    said = str(row.value(name)).strip()
    if said in labels:
        return labels.index(said)
    if said.isdecimal() and 0 <= int(said) - first_number < len(choices):
        return int(said) - first_number
    if len(said) == 1 and said.upper() in _LETTERS[: len(choices)]:
        return _LETTERS.index(said.upper())
    if said in choices:
        return choices.index(said)
    raise BadRowError(name, f"is {said!r}, which is no letter, number or text of the {len(choices)} choices")
