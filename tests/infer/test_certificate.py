"""The certificate must find what loads without an error and answers wrongly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ingot.infer.certificate import (
    LIMITS,
    Questions,
    compare_tokenisation,
    measure,
    questions,
    reads_control_names_as_text,
    tokenisation_faults,
)
from ingot.infer.excerpts import made_up
from ingot.infer.exporters import gguf
from ingot.infer.readers.llamacpp import Config, Reader
from ingot.infer.reference import Reference

TEXTS = [
    "class NodeVisitor(object):\n    def visit(self, node):\n        return self.generic_visit(node)\n" * 2,
    "def literal_eval(node_or_string):\n    if isinstance(node_or_string, str):\n        raise ValueError('Größe')\n"
    * 2,
]


@pytest.fixture(scope="module")
def reference(mistral_folder: Path) -> Reference:
    return Reference(mistral_folder)


@pytest.fixture(scope="module")
def asked(reference: Reference) -> Questions:
    return questions(reference, TEXTS, prompts=2, tokens=16, evaluated=120)


@pytest.fixture
def exported(mistral_folder: Path, tmp_path: Path) -> Callable[[str], Reader]:
    def write(kind: str) -> Reader:
        gguf.export(mistral_folder, tmp_path / "model.gguf", gguf.Config(kind))
        return Reader(tmp_path, Config())

    return write


@pytest.mark.parametrize("kind", ["f32", "f16", "q8_0"])
def test_a_good_export_passes(exported: Callable[[str], Reader], asked: Questions, kind: str) -> None:
    with closing(exported(kind)) as reader:
        found = measure(reader, asked, LIMITS[kind])
    assert found["faults"] == []
    assert found["greedy"]["equal"] + found["greedy"]["near_ties"] > 0
    assert found["evaluation"]["tokens"] == found["log_probabilities"]["places"] <= 120
    assert abs(found["evaluation"]["delta_bits_per_byte"]) < LIMITS[kind].bits_per_byte


@pytest.mark.parametrize("kind", ["f32", "q8_0"])
def test_rows_in_the_wrong_order_are_found(
    exported: Callable[[str], Reader], asked: Questions, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf, "interleave", lambda weight, heads: weight)
    with closing(exported(kind)) as reader:
        faults = measure(reader, asked, LIMITS[kind])["faults"]
    assert any("log-probabilities differ" in fault for fault in faults)


def test_another_rule_for_words_is_found(
    exported: Callable[[str], Reader], reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = list(made_up(reference.words(), 30_000, 0))
    with closing(exported("f16")) as reader:
        right = compare_tokenisation(reader, reference, TEXTS), compare_tokenisation(reader, reference, made)
        assert reads_control_names_as_text(reader, reference)
    assert list(tokenisation_faults(*right)) == []
    assert right[0].bytes == sum(len(text.encode("utf-8")) for text in TEXTS)
    read = gguf.read_token_table
    monkeypatch.setattr(gguf, "read_token_table", lambda *of: replace(read(*of), pre_tokenizer="gpt-2"))
    with closing(exported("f16")) as reader:
        wrong = compare_tokenisation(reader, reference, TEXTS), compare_tokenisation(reader, reference, made)
    assert wrong[0].differing == len(TEXTS)
    assert " instead of " in wrong[0].first
    assert len(list(tokenisation_faults(*wrong))) == 2


class Altered:
    """The trained model read as an export, with one thing changed in what it says."""

    program = "altered"

    def __init__(self, reference: Reference, shift: float = 0.0, token: int | None = None, cut: int = 0) -> None:
        self.reference, self.shift, self.token, self.cut = reference, shift, token, cut

    def log_probabilities(self, ids: Sequence[int], asked_TA: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.take_along_axis(self.reference.log_probabilities(ids), asked_TA, axis=1) + self.shift

    def greedy(self, prompt: Sequence[int], count: int) -> list[int]:
        ids = list(self.reference.continued(prompt, count).ids)
        return [*ids[:3], self.token, *ids[4:]] if self.token is not None else ids[: len(ids) - self.cut]

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        return self.reference.tokenize(texts)

    def close(self) -> None:
        pass


def faults(reader: Altered, asked: Questions, kind: str = "f32") -> list[str]:
    found: dict[str, Any] = measure(reader, asked, LIMITS[kind])
    return list(found["faults"])


def test_each_measure_has_its_limit(reference: Reference, asked: Questions) -> None:
    assert faults(Altered(reference), asked) == []
    shifted = faults(Altered(reference, shift=-0.004), asked)
    assert [fault.split(" by ")[0] for fault in shifted] == ["log-probabilities differ"] * 3 + ["bits per byte change"]
    assert faults(Altered(reference, shift=-0.004), asked, "q8_0") == []
    assert len(faults(Altered(reference, shift=float("nan")), asked)) == 4


def test_another_token_is_a_fault_unless_the_model_is_undecided(reference: Reference, asked: Questions) -> None:
    assert "2 of 2 greedy" in faults(Altered(reference, token=400), asked)[0]
    assert "2 of 2 greedy" in faults(Altered(reference, cut=1), asked)[0]
    tied = []
    for one in asked.continued:
        log_TV = one.log_TV.copy()
        log_TV[3, 400] = log_TV[3, one.ids[3]] - LIMITS["f32"].tie / 2
        tied.append(replace(one, log_TV=log_TV))
    assert faults(Altered(reference, token=400), replace(asked, continued=tuple(tied))) == []


def test_rare_characters_are_excused_in_made_up_texts_alone(reference: Reference) -> None:
    texts = ["plain"] * 99 + ["rare \u180e"]

    class Rare(Altered):
        def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
            return [
                ids[::-1] if "\u180e" in text else ids for text, ids in zip(texts, super().tokenize(texts), strict=True)
            ]

    found = compare_tokenisation(Rare(reference), reference, texts)
    assert (found.texts, found.differing) == (100, 1)
    none = replace(found, differing=0)
    assert list(tokenisation_faults(none, found)) == []
    assert len(list(tokenisation_faults(found, none))) == 1


def test_texts_with_names_of_control_tokens_are_asked_about_apart(reference: Reference) -> None:
    class Parsing(Altered):
        def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
            return [[1] if "<|eos|>" in text else ids for text, ids in zip(texts, super().tokenize(texts), strict=True)]

    reader = Parsing(reference)
    assert compare_tokenisation(reader, reference, ["a <|eos|> b", "c"]).texts == 1
    assert not reads_control_names_as_text(reader, reference)
