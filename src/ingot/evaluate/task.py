"""What a task asks: items of four kinds, each with an id, a prompt and what is right.

    Choice      texts that could follow the prompt; the model says how probable each is, and the most probable counts
    Question    the model writes an answer, and scorers hold it against the right ones
    Passage     a text after a prompt, or on its own: how surprised the model is by it, per byte
    Search      an index finds documents, and some are the right ones

A task is a plug-in: one file that turns a row of a published file into items (`items`), with its `VERSION`, which is
raised when prompts or answers change, so that figures of two versions are never held against one another. What stands
`before` a prompt are solved examples; they are no part of the item.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically

ITEMS_FILE, TASK_FILE = "items.jsonl", "task.json"
# What stands between examples, and between one of them and its answer.
_BETWEEN, BEFORE_ANSWER = "\n\n", " "


@dataclass(frozen=True)
class Choice:
    """Which of several texts follows the prompt, behind a space; `right` are the places of those that may.

    Where none is right, as where only a leaning is measured, `right` is empty and there is no accuracy. `leanings`
    names other figures (`share_NAME`): the places that count as 1 and those that count as 0; others do not count.
    """

    id: str
    prompt: str
    choices: tuple[str, ...]
    right: tuple[int, ...]
    group: str = ""
    before: str = ""
    leanings: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)

    @property
    def answer(self) -> str:
        """The first right choice; empty where none is."""
        return self.choices[self.right[0]] if self.right else ""


@dataclass(frozen=True)
class Question:
    """What the model is to write after the prompt; any of `answers` is right, the first is shown as an example.

    Where an answer is not compared but tried, `check` is what scorers try it with.
    """

    id: str
    prompt: str
    answers: tuple[str, ...]
    group: str = ""
    before: str = ""
    check: str = ""

    @property
    def answer(self) -> str:
        """The answer as an example shows it."""
        return self.answers[0]


@dataclass(frozen=True)
class Passage:
    """A text whose surprise is measured; with a prompt, the text behind a space that fills the blank after it."""

    id: str
    prompt: str
    text: str
    group: str = ""
    before: str = ""

    @property
    def answer(self) -> str:
        """The text."""
        return self.text


@dataclass(frozen=True)
class Search:
    """What an index is to find for the prompt: documents by id or URI, and such as hold one of the texts."""

    id: str
    prompt: str
    documents: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    group: str = ""
    before: str = ""

    @property
    def answer(self) -> str:
        """The first thing that is to be found."""
        return (*self.documents, *self.texts)[0]


Item = Choice | Question | Passage | Search
_KINDS: dict[str, type[Item]] = {"choice": Choice, "question": Question, "passage": Passage, "search": Search}
_LISTS = ("choices", "right", "answers", "documents", "texts")


@dataclass(frozen=True)
class Asking:
    """How a task's questions are put: what ends an answer, how long it may be, and which scorers judge it.

    What a person asks of an assistant (`is_request`) is put to a chat model as a turn of its conversation.
    """

    scorers: tuple[str, ...] = ("exact_match",)
    stops: tuple[str, ...] = ("\n",)
    max_tokens: int = 64
    is_request: bool = False


@dataclass(frozen=True)
class Task:
    """The items of a task artifact, and what is to be known to ask them."""

    name: str
    version: int
    asking: Asking
    items: tuple[Item, ...]


def with_examples(item: Item, examples: Sequence[Item], count: int) -> Item:
    """Return the item with `count` solved examples before it: the first of its group, or of all where it has none."""
    same = [each for each in examples if each.group == item.group] or list(examples)
    shown = [f"{each.prompt}{BEFORE_ANSWER}{each.answer}" for each in same if each.id != item.id][:count]
    return replace(item, before="".join(f"{each}{_BETWEEN}" for each in shown))


def prompt_hash(item: Item, is_chat: bool = False) -> str:
    """Return a hash of all that a model is shown of an item: equal where two evaluations asked the same."""
    shown = [item.before + item.prompt, *(item.choices if isinstance(item, Choice) else ()), *(["chat"] * is_chat)]
    if isinstance(item, Passage):
        shown.append(item.text)
    return hashlib.sha256("\0".join(shown).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def own_text(item: Item) -> str:
    """Return the text by which an item is known again in what a model was trained on: its question and right answer."""
    # Where nothing is right, all choices are what the item is.
    answer = " ".join(item.choices) if isinstance(item, Choice) and not item.right else item.answer
    return f"{item.prompt} {answer}".strip()


def write_task(folder: Path, task: Task) -> None:
    """Write a task's items, one JSON object a line, and how they are asked."""
    names = {kind: name for name, kind in _KINDS.items()}
    lines = (json.dumps({"kind": names[type(item)], **asdict(item)}, ensure_ascii=False) for item in task.items)
    write_atomically(folder / ITEMS_FILE, "".join(f"{line}\n" for line in lines))
    told = {"task": task.name, "version": task.version, **asdict(task.asking)}
    write_atomically(folder / TASK_FILE, json.dumps(told, indent=1) + "\n")


def read_task(folder: Path) -> Task:
    """Read what `write_task` wrote. Raises InputError for a folder without a task."""
    try:
        told = json.loads((folder / TASK_FILE).read_text(encoding="utf-8"))
        is_request = bool(told.get("is_request", False))
        asking = Asking(tuple(told["scorers"]), tuple(told["stops"]), told["max_tokens"], is_request)
        with (folder / ITEMS_FILE).open(encoding="utf-8") as file:
            items = tuple(_item(json.loads(line)) for line in file)
        return Task(told["task"], told["version"], asking, items)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "there is no task in this artifact", where=str(folder), why=str(error), fix="give an artifact of kind Task"
        ) from None


def _item(row: Mapping[str, Any]) -> Item:
    lists: dict[str, Any] = {name: tuple(row[name]) for name in _LISTS if name in row}
    if leanings := row.get("leanings"):
        lists["leanings"] = {name: (tuple(towards), tuple(away)) for name, (towards, away) in leanings.items()}
    return _KINDS[row["kind"]](**{name: value for name, value in row.items() if name != "kind"} | lists)


def unique(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items with ids that differ: a name that comes again gets a number."""
    seen: dict[str, int] = {}
    for item in items:
        seen[item.id] = seen.get(item.id, 0) + 1
        yield item if seen[item.id] == 1 else replace(item, id=f"{item.id}#{seen[item.id]}")
