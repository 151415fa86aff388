"""What every arm is measured on: the same bytes for all, chosen once, of documents that none of them has read.

Near-duplicates were dropped before the split; here goes what still shares whole phrases with a document that was
trained on. Documents come in the order of their ids, which are hashes and so as good as a shuffle.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.core.tables import parts, read_rows
from ingot.data.word_hashes import ngram_hashes, word_hashes
from ingot.evaluate.evidence.config import ChooseConfig
from ingot.evaluate.evidence.gathering import Question, read_questions
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext

TEXTS_FILE = "texts.jsonl"
OWN, GENERAL, EXAMPLE, ITEM, KNOWN = "own", "general", "example", "item", "known"
_TOLD_WORDS = 13  # the length of n-gram that contamination is usually told in (Brown et al. 2020, appendix C)


@dataclass(frozen=True)
class Chosen:
    """A text and its `use`: scored (own, general), to learn labels from (example) or ask for them (item), or known.

    `group` is what it is about, or for general text the folder it came from; `question_bytes` are those of the text
    that are its question.
    """

    use: str
    doc_id: str
    uri: str
    text: str
    group: str = ""
    label: str = ""
    question_bytes: int = 0

    @property
    def bytes(self) -> int:
        """Size as UTF-8."""
        return len(self.text.encode("utf-8"))


def choose(config: ChooseConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Choose from the datasets `own` and `general`; `gathered` holds the questions."""
    questions = {each.doc_id: each for each in read_questions(inputs["gathered"].path)}
    own, own_told = _unseen(inputs[OWN].path, config, config.own_bytes)
    general, general_told = _unseen(inputs[GENERAL].path, config, config.general_bytes)
    for name, kept in (("your own", own), ("general", general)):
        if not kept:
            raise InputError(
                f"no {name} text is left to measure on",
                where=TEXTS_FILE,
                why="all that was held out is too short, or stands in what is trained on",
                fix="give more documents that are not copies of one another",
            )
    labelled = _labelled(inputs[OWN].path, questions, config)
    known = _documents(inputs[OWN].path, "train", KNOWN)
    long_enough = (each for each in known if each.bytes >= 2 * config.least_bytes)
    chosen = [
        *(_as_question(each, questions, config) for each in own),
        *(replace(each, use=GENERAL, group=_folder_of(each.uri)) for each in general),
        *labelled,
        *(_cut(each, config.document_bytes) for each in sorted(long_enough, key=_id)[: config.known_texts]),
    ]
    lines = (json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in chosen)
    write_atomically(context.folder / TEXTS_FILE, "".join(lines))
    counted = {use: sum(each.use == use for each in chosen) for use in (OWN, GENERAL, EXAMPLE, ITEM, KNOWN)}
    sizes = {f"{use}_bytes": sum(each.bytes for each in chosen if each.use == use) for use in (OWN, GENERAL)}
    return {**counted, **sizes, "own_held_out": own_told, "general_held_out": general_told}


def read_chosen(folder: Path, *uses: str) -> list[Chosen]:
    """Return the texts of some uses, in their order."""
    with (folder / TEXTS_FILE).open(encoding="utf-8") as file:
        return [each for each in (Chosen(**json.loads(line)) for line in file) if each.use in uses]


def _unseen(dataset: Path, config: ChooseConfig, limit_bytes: int) -> tuple[list[Chosen], dict[str, Any]]:
    """Return the held-out documents to score, and how many were left out for what reason."""
    candidates = sorted((_cut(each, config.document_bytes) for each in _documents(dataset, "held_out", OWN)), key=_id)
    long_enough = [each for each in candidates if each.bytes >= config.least_bytes]
    training = _texts(dataset)
    shares = overlaps([each.text for each in long_enough], training, config.ngram_words)
    unseen = [each for each, share in zip(long_enough, shares, strict=True) if share <= config.largest_overlap]
    taken: list[Chosen] = []
    left = limit_bytes
    for each in unseen:
        if left < config.least_bytes:
            break
        taken.append(_cut(each, left))
        left -= taken[-1].bytes
    told = overlaps([each.text for each in taken], _texts(dataset), _TOLD_WORDS)
    return taken, {
        "documents": len(candidates),
        "too_short": len(candidates) - len(long_enough),
        "overlapping": len(long_enough) - len(unseen),
        "scored": len(taken),
        f"mean_overlap_{_TOLD_WORDS}": round(float(np.mean(told)), 4) if taken else None,
    }


def overlaps(texts: Sequence[str], training: Iterable[str], words: int) -> NDArray[np.float64]:
    """Return which share of each text's n-grams occurs anywhere in the training texts; 0 for a text too short for one.

    Memory is that of the texts' own n-grams, however long the training text is.
    """
    own = [ngram_hashes(word_hashes(text), words) for text in texts]
    known = np.unique(np.concatenate([np.empty(0, np.uint64), *own]))
    is_found = np.zeros(len(known), np.bool_)
    if len(known):
        for text in training:
            ngrams = ngram_hashes(word_hashes(text), words)
            places = np.minimum(np.searchsorted(known, ngrams), len(known) - 1)
            is_found[places[known[places] == ngrams]] = True
    return np.array([is_found[np.searchsorted(known, each)].mean() if len(each) else 0.0 for each in own])


def _labelled(dataset: Path, questions: Mapping[str, Question], config: ChooseConfig) -> list[Chosen]:
    """Return answers with their labels: to learn from, and to ask; only labels that are on both sides."""

    def answers(split: str, use: str, most: int) -> list[Chosen]:
        ids = sorted(each.doc_id for each in _documents(dataset, split, use))
        rows = [questions[doc_id] for doc_id in ids if doc_id in questions and questions[doc_id].label]
        size = config.label_bytes
        return [Chosen(use, row.doc_id, "", _beginning(row.answer, size), label=row.label) for row in rows[:most]]

    examples = answers("train", EXAMPLE, config.label_examples)
    items = answers("held_out", ITEM, config.label_items)
    both = {each.label for each in examples} & {each.label for each in items}
    return [each for each in (*examples, *items) if each.label in both] if len(both) > 1 else []


def _as_question(text: Chosen, questions: Mapping[str, Question], config: ChooseConfig) -> Chosen:
    row = questions.get(text.doc_id)
    if row is None:
        return text
    asked = len(f"{row.question}\n".encode())
    return replace(text, group=row.group, label=row.label, question_bytes=asked if asked < text.bytes else 0)


def _documents(dataset: Path, split: str, use: str) -> Iterator[Chosen]:
    for row in read_rows(parts(dataset, split), ("doc_id", "uri", "text")):
        yield Chosen(use, row["doc_id"], row["uri"], row["text"])


def _texts(dataset: Path) -> Iterator[str]:
    return (row["text"] for row in read_rows(parts(dataset, "train"), ("text",)))


def _folder_of(uri: str) -> str:
    """Return the name of the folder a file lies in; it is what kind of general text it is."""
    names = uri.split("/")
    return names[-2] if len(names) > 1 else ""


def _cut(text: Chosen, limit_bytes: int) -> Chosen:
    return replace(text, text=_beginning(text.text, limit_bytes))


def _beginning(text: str, limit_bytes: int) -> str:
    return text.encode("utf-8")[:limit_bytes].decode("utf-8", errors="ignore")


def _id(text: Chosen) -> str:
    return text.doc_id
