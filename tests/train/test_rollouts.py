"""Answers drawn many at once are those drawn one by one from the whole text, and the same whenever drawn again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from ingot.flow.artifact import Artifact
from ingot.model.decoder import Decoder
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec
from ingot.train.rollouts import Drawing, _uniform, draw
from tests.train.sums import model_config

Ids = list[int]


@pytest.fixture(scope="module")
def codec(sums: Mapping[str, Artifact]) -> Codec:
    return Codec.load(sums["tokenizer"].path)


@pytest.fixture(scope="module")
def decoder(codec: Codec) -> Decoder:
    torch.manual_seed(1)
    decoder = Decoder(model_config(codec))
    with torch.no_grad():
        decoder.embed_tokens.weight.mul_(10)  # so that some tokens are likely
    return decoder


def prompts(codec: Codec) -> list[Ids]:
    """Return texts of very different lengths, in no order."""
    drawn = torch.Generator().manual_seed(0)
    return [[codec.bos, *torch.randint(64, 300, (size,), generator=drawn).tolist()] for size in (9, 3, 60, 4, 20, 31)]


def slowly(decoder: Decoder, prompt: Ids, codec: Codec, drawing: Drawing, seed: bytes) -> list[tuple[Ids, list[float]]]:
    """Read the whole text anew for every token, one answer after the other."""
    found = []
    for uniform_L in _uniform(prompt, drawing, seed):
        ids, told = list(prompt), list[float]()
        for number in uniform_L.tolist():
            with torch.no_grad():
                logits = decoder.logits(decoder(torch.tensor([ids])))[0, -1, : codec.vocabulary]
            log_V = (logits / (drawing.temperature or 1)).log_softmax(-1)
            odds = log_V.double().exp().cumsum(0)
            chosen = int((odds / odds[-1] <= number).sum()) if drawing.temperature else int(logits.argmax())
            ids.append(chosen)
            told.append(float(log_V[chosen]))
            if chosen in stop_ids(codec) or len(ids) == decoder.config.context:
                break
        found.append((ids[len(prompt) :], told))
    return found


@pytest.mark.parametrize("temperature", [1.0, 0.7, 0.0])
def test_answers_are_those_of_one_text_at_a_time(decoder: Decoder, codec: Codec, temperature: float) -> None:
    drawing = Drawing(3, 12, temperature)
    asked = prompts(codec)
    for prompt, group in zip(asked, draw(decoder, asked, codec, drawing, b"seed"), strict=True):
        for answer, (ids, told) in zip(group, slowly(decoder, prompt, codec, drawing, b"seed"), strict=True):
            assert list(answer.ids) == ids
            assert answer.log_probabilities == pytest.approx(told, abs=1e-4)


def test_what_is_drawn_depends_on_the_seed_and_the_prompt_alone(decoder: Decoder, codec: Codec) -> None:
    asked, drawing = prompts(codec), Drawing(4, 8)
    whole = draw(decoder, asked, codec, drawing, b"seed")
    torch.manual_seed(99)
    assert draw(decoder, asked[::-1], codec, drawing, b"seed")[::-1] == whole
    assert draw(decoder, asked[2:3], codec, drawing, b"seed")[0][0].ids == whole[2][0].ids
    assert draw(decoder, asked, codec, drawing, b"other") != whole


def test_an_answer_ends_where_the_context_does(codec: Codec) -> None:
    decoder = Decoder(replace(model_config(codec), context=12))
    asked = [[codec.bos] + [70] * size for size in (10, 4)]
    short, long = draw(decoder, asked, codec, Drawing(2, 5), b"")
    assert all(len(each.ids) == 1 for each in short)
    assert all(len(each.ids) == 5 or each.ids[-1] in stop_ids(codec) for each in long)


def test_how_often_a_token_is_drawn_is_how_likely_it_is(decoder: Decoder, codec: Codec) -> None:
    [group] = draw(decoder, [[codec.bos, 70]], codec, Drawing(4000, 1), b"many")
    with torch.no_grad():
        odds = decoder.logits(decoder(torch.tensor([[codec.bos, 70]])))[0, -1, : codec.vocabulary].softmax(-1)
    counts = torch.bincount(torch.tensor([each.ids[0] for each in group]), minlength=len(odds)) / len(group)
    assert float((counts - odds).abs().sum()) < 3 * float((odds * (1 - odds) / len(group)).sqrt().sum())
