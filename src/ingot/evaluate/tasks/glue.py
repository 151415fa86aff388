"""GLUE (Wang et al. 2019) in its published TSV files, JSON Lines or Parquet: judgements as a choice between words.

The prompts are those of lm-evaluation-harness. CoLA has no heading, SST-2 is `sentence` or `content`, MRPC also comes
as Microsoft published it. STS-B grades from 0 to 5 and is no choice: it is not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Choice

VERSION = 1
Name = Literal["cola", "sst2", "mrpc", "qqp", "mnli", "qnli", "rte", "wnli"]


@dataclass(frozen=True)
class Config:
    """Which of the tasks the files hold."""

    name: Name


@dataclass(frozen=True)
class _Asked:
    """A task's prompt, the words that are weighed, the label of each in its files, and where they hold what."""

    prompt: str
    words: tuple[str, ...]
    labels: tuple[str, ...]
    texts: Mapping[str, tuple[str, ...]]


_TWO = {"one": ("sentence1", "#1 String", "question1"), "two": ("sentence2", "#2 String", "question2")}
_ENTAILED = ("entailment", "not_entailment")
_TASKS: dict[str, _Asked] = {
    "cola": _Asked(
        "{one}\nQuestion: Does this sentence make sense?\nAnswer:",
        ("no", "yes"),
        ("0", "1"),
        {"one": ("sentence",)},
    ),
    "sst2": _Asked(
        "{one}\nQuestion: Is this sentence positive or negative?\nAnswer:",
        ("negative", "positive"),
        ("0", "1"),
        {"one": ("sentence", "content")},
    ),
    "mrpc": _Asked(
        "Sentence 1: {one}\nSentence 2: {two}\nQuestion: Do both sentences mean the same thing?\nAnswer:",
        ("no", "yes"),
        ("0", "1"),
        _TWO,
    ),
    "qqp": _Asked(
        "Question 1: {one}\nQuestion 2: {two}\nQuestion: Do both questions ask the same thing?\nAnswer:",
        ("no", "yes"),
        ("0", "1"),
        _TWO,
    ),
    "mnli": _Asked(
        "{one}\nQuestion: {two} True, False or Neither?\nAnswer:",
        ("True", "Neither", "False"),
        ("entailment", "neutral", "contradiction"),
        {"one": ("premise", "sentence1"), "two": ("hypothesis", "sentence2")},
    ),
    "qnli": _Asked(
        "{one}\n{two}\nQuestion: Does this response answer the question?\nAnswer:",
        ("yes", "no"),
        _ENTAILED,
        {"one": ("question",), "two": ("sentence",)},
    ),
    "rte": _Asked("{one}\nQuestion: {two} True or False?\nAnswer:", ("True", "False"), _ENTAILED, _TWO),
    "wnli": _Asked("{one}\nQuestion: {two} True or False?\nAnswer:", ("False", "True"), ("0", "1"), _TWO),
}
_LABELS = ("label", "gold_label", "Quality", "is_duplicate")


def columns(first: Sequence[str]) -> Sequence[str] | None:
    """Name the columns of CoLA's files, which have no heading."""
    is_cola = len(first) == 4 and first[1] in ("0", "1")
    return ("source", "label", "mark", "sentence") if is_cola else None


def items(row: Row, config: Config) -> Iterator[Choice]:
    """Yield the row's judgement."""
    asked = _TASKS[config.name]
    texts = {part: row.text(_there(row, names)).strip() for part, names in asked.texts.items()}
    label = row.place_among(_there(row, _LABELS), asked.labels)
    prompt = asked.prompt.format(**texts) if config.name != "mnli" else _mnli(texts)
    yield Choice(row.place, prompt, asked.words, (label,), config.name)


def _mnli(texts: Mapping[str, str]) -> str:
    """Return MNLI's prompt: the hypothesis ends with one full stop, whatever it ended with."""
    hypothesis = texts["two"] + ("" if texts["two"].endswith(".") else ".")
    return f"{texts['one']}\nQuestion: {hypothesis} True, False or Neither?\nAnswer:"


def _there(row: Row, names: Sequence[str]) -> str:
    for name in names:
        if name in row.fields:
            return name
    raise BadRowError(names[0], f"is missing; there are {', '.join(map(str, row.fields)) or 'no fields'}")
