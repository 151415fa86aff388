"""Answers in packed rows have the log-probabilities they have alone, in their own order, and the same gradient."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from ingot.flow.artifact import Artifact
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.train.answering import in_rows, read_again
from ingot.train.invariance import doubts, furthest
from ingot.train.rollouts import Drawing, draw
from tests.train.sums import model_config


@pytest.fixture(scope="module")
def codec(sums: Mapping[str, Artifact]) -> Codec:
    return Codec.load(sums["tokenizer"].path)


@pytest.fixture(scope="module")
def decoder(codec: Codec) -> Decoder:
    torch.manual_seed(1)
    return Decoder(model_config(codec))


def texts(codec: Codec) -> list[tuple[list[int], list[int]]]:
    drawn = torch.Generator().manual_seed(0)
    sizes = [(50, 9), (5, 1), (300, 250), (20, 60), (3, 7), (90, 30)]
    return [
        (
            [codec.bos, *torch.randint(64, 300, (a,), generator=drawn).tolist()],
            torch.randint(64, 300, (b,), generator=drawn).tolist(),
        )
        for a, b in sizes
    ]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_packed_answers_are_what_they_are_alone(decoder: Decoder, codec: Codec, temperature: float) -> None:
    some = texts(codec)
    rows = in_rows(some, codec.pad, torch.device("cpu"))
    assert len(rows.tokens_BT) < len(some)
    found_R, alone = read_again(decoder, rows, temperature), list[torch.Tensor]()
    for prompt, answer in some:
        odds = (decoder.logits(decoder(torch.tensor([[*prompt, *answer]])))[0] / temperature).log_softmax(-1)
        alone += [odds[len(prompt) - 1 + at, token] for at, token in enumerate(answer)]
    torch.testing.assert_close(found_R, torch.stack(alone), atol=1e-5, rtol=1e-5)
    weights = torch.randn(len(found_R), generator=torch.Generator().manual_seed(1))
    gradients = [
        torch.autograd.grad((each * weights).sum(), list(decoder.parameters()))
        for each in (found_R, torch.stack(alone))
    ]
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def test_what_a_sampler_thought_is_what_a_training_thinks(decoder: Decoder, codec: Codec) -> None:
    asked = [prompt[:40] for prompt, _ in texts(codec)]
    groups = draw(decoder, asked, codec, Drawing(4, 10), b"x")
    some = [(prompt, each.ids) for prompt, group in zip(asked, groups, strict=True) for each in group]
    found_R = read_again(decoder, in_rows(some, codec.pad, torch.device("cpu")))
    thought = [number for group in groups for each in group for number in each.log_probabilities]
    torch.testing.assert_close(found_R, torch.tensor(thought), atol=1e-5, rtol=1e-5)


def test_one_by_one_is_together(decoder: Decoder, codec: Codec) -> None:
    assert furthest(decoder, texts(codec), codec.pad) < 1e-4
    assert doubts(decoder, texts(codec), codec.pad) == []
