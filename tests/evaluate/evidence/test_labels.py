from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from ingot.evaluate.evidence.choosing import EXAMPLE, ITEM, Chosen
from ingot.evaluate.evidence.labels import fit, pooled, told_by_model, told_by_words
from ingot.flow.artifact import Artifact
from ingot.model.convert import load
from ingot.tokenizer.codec import Codec

CAUSES = ["It is caused by a worn rope in the shaft", "A broken fuse is the cause of it", "Caused by old cables"]
CURES = ["Call a technician and wait for the repair", "Repair it with a new part", "A technician can repair it"]


def texts(use: str, count: int) -> list[Chosen]:
    """Return answers whose words tell their label."""
    found = []
    for number in range(count):
        label, among = ("cause", CAUSES) if number % 2 else ("cure", CURES)
        text = f"{among[number // 2 % 3]}, number {number % 5}."
        found.append(Chosen(use, f"{use}-{number}", "", text, label=label))
    return found


def test_words_tell_what_words_can_tell() -> None:
    told = told_by_words(texts(EXAMPLE, 24), texts(ITEM, 10))
    assert told.right.tolist() == [True] * 10


def test_a_model_tells_it_too(made: Mapping[str, Artifact]) -> None:
    folder = made["checkpoint"].path
    told = told_by_model(load(folder).eval(), Codec.load(folder), texts(EXAMPLE, 24), texts(ITEM, 10))
    assert told.right.mean() > 0.8


def test_a_text_is_read_by_itself(made: Mapping[str, Artifact]) -> None:
    folder = made["checkpoint"].path
    decoder, codec = load(folder).eval(), Codec.load(folder)
    together = pooled(decoder, codec, CAUSES)
    for row, text in zip(together, CAUSES, strict=True):
        assert torch.allclose(row, pooled(decoder, codec, [text])[0], atol=1e-5)
    ids = torch.tensor([[codec.bos, *codec.encode(CAUSES[0])]])
    with torch.no_grad():
        last = decoder(ids)[0]
    means, most = together[0].chunk(2)
    assert torch.allclose(means[-decoder.config.width :], last.mean(0), atol=1e-5)
    assert torch.allclose(most[-decoder.config.width :], last.amax(0), atol=1e-5)


def test_the_regression_is_at_its_least(made: Mapping[str, Artifact]) -> None:
    generator = torch.Generator().manual_seed(0)
    rows, labels = torch.randn(60, 4, generator=generator), torch.arange(60) % 3
    weights = fit(rows, labels, 3, 1e-2)
    with torch.enable_grad():
        at = weights.clone().requires_grad_()
        loss = torch.nn.functional.cross_entropy(rows @ at, labels) + 0.005 * (at**2).sum()
        (gradient,) = torch.autograd.grad(loss, at)
    assert float(gradient.abs().max()) < 1e-3
    assert fit(rows, labels, 3, 10.0).abs().max() < weights.abs().max()
    sparse = fit(rows.to_sparse(), labels, 3, 1e-2)
    assert torch.allclose(sparse, weights, atol=1e-3)


@pytest.mark.parametrize("use", [EXAMPLE])
def test_it_repeats(use: str) -> None:
    first, second = (told_by_words(texts(use, 24), texts(ITEM, 7)) for _ in range(2))
    assert first.right.tolist() == second.right.tolist()
    assert first.penalty == second.penalty
