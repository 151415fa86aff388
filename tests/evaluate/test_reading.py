"""A reader says how probable a question is behind each passage, as the model itself computes it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ingot.evaluate.reading import query_likelihood
from ingot.flow.artifact import Artifact
from ingot.infer.reference import Reference

PASSAGES = ("import json", "class Node:\n    pass", "import logging")


def test_scores_are_mean_log_probabilities_of_the_question(made: Mapping[str, Artifact]) -> None:
    folder = made["checkpoint"].path
    found = query_likelihood(folder)("which module?", PASSAGES)
    reference = Reference(folder)
    for passage, score in zip(PASSAGES, found, strict=True):
        prompt = reference.tokenizer.encode(f"{passage}\n\nQuestion:", add_special_tokens=False).ids
        whole = reference.tokenizer.encode(f"{passage}\n\nQuestion: which module?", add_special_tokens=False).ids
        rows = reference.log_probabilities([reference.bos, *whole])
        logs = [rows[place, whole[place]] for place in range(len(prompt), len(whole))]
        assert score == pytest.approx(sum(logs) / len(logs), abs=1e-4)


def test_no_passage_no_score(made: Mapping[str, Artifact]) -> None:
    assert list(query_likelihood(made["checkpoint"].path)("which module?", [])) == []
