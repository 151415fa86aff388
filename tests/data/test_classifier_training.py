"""Labels and reference sets become classifiers that know unseen texts apart; what cannot be learned from is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.classifier_training import ClassifierConfig, Example, folds, train, train_classifier
from ingot.data.text_classifier import load
from tests.data.reference_sets import LEASE, VISIT, artifact, context, file_source, sentences

# Of the sentences, which are alike by threes, every other one is learned from.
LABELS = [
    {"text": text, "label": label}
    for label, kind in (("good", LEASE), ("bad", VISIT))
    for text in sentences(kind, 72)[::2]
]


def write_lines(path: Path, records: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(map(json.dumps, records)) + "\n", encoding="utf-8")
    return path


def test_labels_are_learned_from(tmp_path: Path) -> None:
    sources = {"labels": file_source(write_lines(tmp_path / "labels.jsonl", LABELS))}
    facts = train_classifier(ClassifierConfig(), {}, context(tmp_path / "model", sources))
    assert (facts["examples"], facts["positive_examples"], facts["folds"]) == (72, 36, 5)
    assert facts["auc"] > 0.8
    classifier = load(tmp_path / "model")
    assert all(classifier.score(text) > 0.5 for text in sentences(LEASE, 72)[1::2])
    assert all(classifier.score(text) < 0.5 for text in sentences(VISIT, 72)[1::2])


def test_labels_may_name_documents(tmp_path: Path) -> None:
    texts = sentences(LEASE, 12) + sentences(VISIT, 12)
    documents = artifact(tmp_path / "documents", texts)
    labels = [{"doc_id": f"doc-{number:04}", "label": number < 12} for number in range(24)]
    sources = {"labels": file_source(write_lines(tmp_path / "labels.jsonl", labels))}
    facts = train_classifier(ClassifierConfig(), {"documents": documents}, context(tmp_path / "model", sources))
    assert (facts["examples"], facts["positive_examples"]) == (24, 12)


def test_documents_that_are_gone_and_documents_that_were_skipped_are_left_out(tmp_path: Path) -> None:
    texts = sentences(LEASE, 12) + sentences(VISIT, 12)
    documents = artifact(tmp_path / "documents", texts)
    labels: list[dict[str, object]] = [{"doc_id": f"doc-{number:04}", "label": number < 12} for number in range(24)]
    labels += [{"doc_id": "doc-gone", "label": "good"}, {"doc_id": "doc-too", "label": None}]
    sources = {"labels": file_source(write_lines(tmp_path / "labels.jsonl", labels))}
    told: list[str] = []
    made = context(tmp_path / "model", sources)
    made = replace(made, emit=lambda kind, /, **fields: told.append(f"{kind}: {fields.get('text')}"))
    facts = train_classifier(ClassifierConfig(), {"documents": documents}, made)
    assert facts["examples"] == 24
    assert told == ["warning: 1 of 25 labelled documents were erased or changed since (doc-gone)"]


def test_a_reference_set_is_learned_from(tmp_path: Path) -> None:
    texts = sentences(LEASE, 20)
    inputs = {
        "reference": artifact(tmp_path / "reference", texts[:20], "train"),
        "documents": artifact(tmp_path / "documents", sentences(VISIT, 30) + texts[:3]),
    }
    facts = train_classifier(ClassifierConfig(), inputs, context(tmp_path / "model"))
    assert (facts["examples"], facts["positive_examples"]) == (50, 20)
    assert load(tmp_path / "model").score(texts[0]) > 0.5


def test_the_same_examples_give_the_same_model() -> None:
    examples = [Example(str(each["text"]), each["label"] == "good") for each in LABELS]
    (one, facts), (two, others) = train(examples, 100), train(examples[::-1] + examples, 100)
    assert np.array_equal(one.weights, two.weights)
    assert facts == others


def test_similar_texts_are_in_one_fold() -> None:
    base = [" ".join(sentences(LEASE, 6 * number + 6)[-6:]) for number in range(10)]
    texts = [text + ending for text in base for ending in (" The end.", " This is the end.")]
    fold = folds(texts, np.array([number % 2 == 0 for number in range(20)]))
    assert (fold[::2] == fold[1::2]).all()
    assert len(set(fold.tolist())) > 1


def test_labels_without_meaning_teach_nothing() -> None:
    examples = [Example(text, number % 2 == 0) for number, text in enumerate(sentences(LEASE, 200))]
    _, facts = train(examples, 200)
    assert facts["auc"] < 0.75


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[]", "no label"),
        ('{"text": "a"}', "no label"),
        ('{"label": 1}', "no label"),
        ('{"text": 3, "label": 1}', "no label"),
        ('{"doc_id": "nowhere", "label": 1}', "in no input"),
    ],
)
def test_lines_that_are_no_labels(tmp_path: Path, line: str, message: str) -> None:
    path = write_lines(tmp_path / "labels.jsonl", LABELS)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=message):
        train_classifier(ClassifierConfig(), {}, context(tmp_path / "model", {"labels": file_source(path)}))


def test_too_few_examples() -> None:
    with pytest.raises(InputError, match="4 positive and 6 negative"):
        train([Example(f"text number {number}", number < 4) for number in range(10)], 100)


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to train"):
        train_classifier(ClassifierConfig(), {}, context(tmp_path / "model"))
