"""Batched and shared, the log-probabilities are those of one text after another, here and in transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ingot.core.errors import InputError
from ingot.evaluate.likelihood import Weigher
from ingot.infer.reference import Reference
from tests.infer.tiny_model import CONTEXT, make_model

SHOWN = "def visit(self, node):\n    return self.generic_visit(node)\n\n" * 2
ASKED: list[tuple[str, tuple[str, ...]]] = [
    ("class NodeVisitor", ("(object):", ":\n    pass", " and nothing else", "(")),
    ("import", (" ast", " enum", " re")),
    ("", ("def visit", "class")),
    (f"{SHOWN}def one(", ("self):", "node, other):")),
    (f"{SHOWN}def another(", ("self, node):", "cls):")),
    (f"{SHOWN}def one(", ("self):",)),
    ("for name, value in ", ("fields:", "iter_fields(node):")),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "tiny")


def one_by_one(reference: Reference, prompt: str, text: str) -> tuple[float, bool]:
    """Weigh one text, slowly and obviously."""
    bare = prompt.rstrip()
    known, whole = reference.tokenize([bare, prompt + text])
    ids = [reference.bos, *known, *whole[len(known) :]][-(CONTEXT + 1) :]
    rows = reference.log_probabilities(ids)[-len(whole) + len(known) :]
    asked = ids[-len(rows) :]
    return float(sum(row[token] for row, token in zip(rows, asked, strict=True))), bool(
        (rows.argmax(axis=1) == asked).all()
    )


def test_it_gives_what_one_text_after_another_gives(folder: Path) -> None:
    reference = Reference(folder)

    found = Weigher(folder).weigh(ASKED)

    for (prompt, texts), weighed in zip(ASKED, found, strict=True):
        slow = [one_by_one(reference, prompt, text) for text in texts]
        assert [each.log_probability for each in weighed] == pytest.approx([log for log, _ in slow], abs=1e-4)
        assert [each.is_greedy for each in weighed] == [is_greedy for _, is_greedy in slow]
        assert not any(each.is_cut for each in weighed)


def test_it_gives_what_transformers_gives(folder: Path) -> None:
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    reference = Reference(folder)
    prompt, texts = ASKED[3]
    (weighed,) = Weigher(folder).weigh([(prompt, texts)])
    for text, each in zip(texts, weighed, strict=True):
        known, whole = reference.tokenize([prompt, prompt + text])
        ids = torch.tensor([[reference.bos, *known, *whole[len(known) :]]])
        with torch.inference_mode():
            logs = model(ids[:, :-1]).logits[0].log_softmax(-1)
        asked = whole[len(known) :]
        theirs = logs[-len(asked) :].gather(1, torch.tensor(asked)[:, None]).sum()
        assert each.log_probability == pytest.approx(float(theirs), abs=1e-4)


def test_neither_company_nor_order_changes_a_figure(folder: Path) -> None:
    weigher = Weigher(folder)
    together = weigher.weigh(ASKED)
    apart = [weigher.weigh([each])[0] for each in ASKED]
    backwards = weigher.weigh(ASKED[::-1])[::-1]
    for some in (apart, backwards):
        for one, other in zip(together, some, strict=True):
            assert np.allclose([x.log_probability for x in one], [y.log_probability for y in other], atol=1e-4)


def test_what_does_not_fit_is_cut_from_the_left_and_said(folder: Path) -> None:
    long = "def visit(self, node): return node\n" * 20
    texts = (" pass", " return self.generic_visit(node)")
    reference = Reference(folder)
    (weighed,) = Weigher(folder).weigh([(long, texts)])
    assert [each.is_cut for each in weighed] == [True, True]
    assert [each.log_probability for each in weighed] == pytest.approx(
        [one_by_one(reference, long, text)[0] for text in texts], abs=1e-4
    )


def test_texts_that_cannot_be_weighed_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no token"):
        Weigher(folder).weigh([("class", ("",))])
    with pytest.raises(InputError, match="reads at most"):
        Weigher(folder).weigh([("class", ("visit node " * CONTEXT,))])
