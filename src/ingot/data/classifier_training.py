"""Train a text classifier: from fifty labelled documents, or from a reference set held against the rest.

Labels are JSON Lines, `{"text": ..., "label": ...}` or `{"doc_id": ..., "label": ...}`, as `ingot data label` writes
them; a label of null is a document that was skipped. Documents that were erased or changed since are left out. Without
labels a sample of the input `reference` is positive and one of the input `documents` negative, as in Brown et al.
(2020, appendix A). How well it tells them apart is measured on examples it was not trained with: five folds, in which
equal texts are one example.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingot.core.errors import InputError, UsageError
from ingot.core.events import Emit
from ingot.core.plugins import load as load_plugin
from ingot.data.batch import of_texts
from ingot.data.dedup.exact import fingerprint
from ingot.data.lines import encoded_lines
from ingot.data.logistic import (
    Booleans,
    Integers,
    Numbers,
    Rows,
    area_under_curve,
    balanced,
    fit,
    log_loss,
    probability,
    rows_of,
)
from ingot.data.reference_texts import by_hash, read_texts, sample_texts
from ingot.data.rules import as_word
from ingot.data.similarity import groups, sketches_of
from ingot.data.text_classifier import COLUMNS, Classifier, features, save
from ingot.flow.artifact import Artifact
from ingot.flow.source import Snapshot
from ingot.flow.step import Facts, StepContext
from ingot.flow.tasks import silent

FOLDS = 5
PENALTIES = (0.003, 0.03, 0.3, 3.0)
LEAST_OF_EACH = 5
SIMILARITY = 0.5
_BYTES_OF_AN_EXAMPLE = 8_000
_FIX = 'write one {"text": ..., "label": ...} or {"doc_id": ..., "label": ...} a line'


@dataclass(frozen=True)
class ClassifierConfig:
    """Which labels are positive (all others are negative), and how many examples of either kind are taken at most."""

    positive: tuple[str, ...] = ("1", "true", "yes", "good", "keep")
    most_examples: int = 2_000


@dataclass(frozen=True)
class Example:
    """A text and what it is an example of."""

    text: str
    is_positive: bool


def train_classifier(config: ClassifierConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Train a classifier on the labels of the sources, or on the `reference` and the `documents` of the inputs."""
    if context.sources:
        examples = list(labelled(context.sources, inputs, config.positive, context.emit))
    elif "reference" in inputs and "documents" in inputs:
        examples = [
            Example(text, name == "reference")
            for name in ("documents", "reference")  # a text in both is one of the reference
            for _, text in sample_texts([inputs[name].path], config.most_examples * _BYTES_OF_AN_EXAMPLE)
        ]
    else:
        fix = "give the step a source of labels, or the inputs 'reference' and 'documents'"
        raise UsageError("there is nothing to train a classifier on", fix=fix)
    classifier, facts = train(examples, config.most_examples)
    save(classifier, context.folder)
    return facts


def train(examples: Sequence[Example], most_examples: int) -> tuple[Classifier, dict[str, Any]]:
    """Return the classifier and how well it did in cross-validation.

    The penalty with the lowest loss on held-out examples is taken. Raises InputError for fewer than five examples of
    either kind.
    """
    chosen = _distinct(examples, most_examples)
    is_positive = np.array([example.is_positive for example in chosen], np.bool_)
    positive = int(np.count_nonzero(is_positive))
    if min(positive, len(chosen) - positive) < LEAST_OF_EACH:
        raise InputError(
            f"there are {positive} positive and {len(chosen) - positive} negative examples",
            why="nothing can be told from so few, and nothing be held out to judge it by",
            fix=f"label at least {LEAST_OF_EACH} of each; 25 of each is a good beginning",
        )
    rows = rows_of([features(example.text) for example in chosen], COLUMNS)
    fold = folds([example.text for example in chosen], is_positive)
    scores = {penalty: cross_validated(rows, is_positive, fold, penalty) for penalty in PENALTIES}
    importance = balanced(is_positive)
    losses = {penalty: log_loss(each, is_positive.astype(np.float64), importance) for penalty, each in scores.items()}
    best = min(PENALTIES, key=lambda penalty: losses[penalty])
    facts = {
        "examples": len(chosen),
        "positive_examples": positive,
        "folds": FOLDS,
        "penalty": best,
        "auc": round(area_under_curve(scores[best], is_positive), 4),
        "balanced_accuracy": round(
            float(importance[(probability(scores[best]) > 0.5) == is_positive].sum() / len(chosen)), 4
        ),
        "log_loss": round(losses[best] / len(chosen), 4),
    }
    return Classifier(fit(rows, is_positive, best).astype(np.float32)), facts


def folds(texts: Sequence[str], is_positive: Booleans) -> Integers:
    """Return the fold of every example: similar texts in one, and both kinds dealt out evenly."""
    group = groups(sketches_of([of_texts(texts).statistics]), SIMILARITY)
    fold = np.empty(len(texts), np.int64)
    for kind in (False, True):
        firsts = np.flatnonzero((group == np.arange(len(texts))) & (is_positive == kind))
        fold[firsts] = np.arange(len(firsts)) % FOLDS
    return fold[group]


def cross_validated(rows: Rows, is_positive: Booleans, fold: Integers, penalty: float) -> Numbers:
    """Return the score of every example by a model trained without its fold."""
    scores = np.zeros(len(is_positive))
    for number in range(FOLDS):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        scores[outside] = rows.take(outside).times(fit(rows.take(inside), is_positive[inside], penalty))
    return scores


def labelled(
    sources: Mapping[str, Snapshot], inputs: Mapping[str, Artifact], positive: Sequence[str], emit: Emit = silent
) -> Iterator[Example]:
    """Yield the labelled examples; texts of labels that give a `doc_id` are looked up in the inputs.

    Ids that are in no input are counted in a warning. Raises InputError for a line that is no label, and when not one
    of the ids is in an input.
    """
    by_id: dict[str, bool] = {}
    for where, record in _records(sources):
        if "label" not in record or not isinstance(record.get("text", record.get("doc_id")), str):
            raise InputError("this line is no label", where=where, fix=_FIX)
        if record["label"] is None:
            continue
        is_positive = as_word(record["label"]).lower() in positive
        if "text" in record:
            yield Example(record["text"], is_positive)
        else:
            by_id[record["doc_id"]] = is_positive
    wanted = len(by_id)
    for artifact in inputs.values() if by_id else ():
        yield from (Example(text, by_id.pop(doc_id)) for doc_id, text in read_texts(artifact.path) if doc_id in by_id)
    if not by_id:
        return
    some = ", ".join(sorted(by_id)[:3])
    if len(by_id) == wanted:
        fix = "give the step the documents they were labelled in, as an input"
        raise InputError(f"{len(by_id)} labelled documents are in no input", where=some, fix=fix)
    emit("warning", text=f"{len(by_id)} of {wanted} labelled documents were erased or changed since ({some})")


def _records(sources: Mapping[str, Snapshot]) -> Iterator[tuple[str, dict[str, Any]]]:
    for _, snapshot in sorted(sources.items()):
        connector = load_plugin("connector", snapshot.connector).entry
        for item in snapshot.items:
            # A plug-in is loaded by its name, so its class is known at run time only.
            with connector.open(item) as stream:  # type: ignore[attr-defined]
                for number, line in enumerate(encoded_lines(stream), start=1):
                    if line.text.strip():
                        yield f"{item.uri}, line {number}", _record(line.text, f"{item.uri}, line {number}")


def _record(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError("this line is not JSON", where=where, why=str(error), fix=_FIX) from None
    if not isinstance(record, dict):
        raise InputError("this line is no label", where=where, fix=_FIX)
    return record


def _distinct(examples: Sequence[Example], most_examples: int) -> list[Example]:
    """Return each text once, as it was labelled last, in an order as good as drawn by lot, up to so many of a kind."""
    by_text = {fingerprint(example.text): example for example in examples if example.text.strip()}
    ordered = sorted(by_text.values(), key=lambda example: by_hash(example.text))
    kinds = ([each for each in ordered if each.is_positive is kind][:most_examples] for kind in (True, False))
    return [example for kind in kinds for example in kind]
