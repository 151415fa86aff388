"""Rearranged documents hold what they held, in the published orders, whatever the row cuts off."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ingot.core.errors import InputError, UsageError
from ingot.data.stream import IGNORED
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn
from ingot.train.objective import Given, TensorBatch
from ingot.train.objectives import fill_in_the_middle, next_token
from ingot.train.objectives.fill_in_the_middle import MIDDLE, PREFIX, SUFFIX, Config, rearranged
from tests.train.small import MODEL

TEXT = inspect.getsource(json)
ALWAYS = Config(rate=1.0, cut="tokens")


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(learn([TEXT], 512))


def packed(codec: Codec, texts: list[str], length: int) -> TensorBatch:
    """One row of `length` tokens, as data/stream makes it."""
    documents = [[codec.bos, *codec.encode(text), codec.eos] for text in texts]
    ids = np.concatenate(documents)[: length + 1]
    number = np.repeat(np.arange(len(texts)), [len(document) for document in documents])[: length + 1]
    targets = np.where(number[1:] == number[:-1], ids[1:], IGNORED)
    return TensorBatch(*(torch.tensor(part)[None] for part in (ids[:-1], targets, number[:-1])))


def documents(batch: TensorBatch) -> list[list[int]]:
    """The ids of each document of the row, with the one that stands in the next row."""
    found = []
    for number in range(int(batch.segments_BT.max()) + 1):
        place = (batch.segments_BT[0] == number).nonzero()[:, 0]
        last = int(batch.targets_BT[0, place[-1]])
        found.append(batch.tokens_BT[0, place].tolist() + ([last] if last != IGNORED else []))
    return found


def put_back(ids: list[int], codec: Codec) -> tuple[list[int], str]:
    """Undo the order by its control tokens: a slow, obvious reference. Returns the ids as they stood, and the order."""
    before, after, between = (codec.special(name) for name in (PREFIX, SUFFIX, MIDDLE))
    if before not in ids:
        return ids, "none"
    head, rest = ids[: ids.index(before)], ids[ids.index(before) + 1 :]
    tail = [rest.pop()] if rest[-1] == codec.eos else []
    left, rest = rest[: rest.index(after)], rest[rest.index(after) + 1 :]
    suffix, last = rest[: rest.index(between)], rest[rest.index(between) + 1 :]
    if left:
        return head + left + last + suffix + tail, "psm"
    return head + last + suffix + tail, "spm or an empty prefix"


@pytest.mark.parametrize("cut", ["tokens", "characters"])
@pytest.mark.parametrize("spm_rate", [0.0, 1.0])
def test_every_document_says_what_it_said(codec: Codec, cut: str, spm_rate: float) -> None:
    texts = [TEXT[start : start + 300] for start in range(0, 3000, 300)]
    batch = packed(codec, texts, 800)
    # The cut comes from the parameters, as any text.
    config = Config(rate=1.0, spm_rate=spm_rate, cut=cut)  # type: ignore[arg-type]
    made = rearranged(batch, config, codec)
    for ids, was in zip(documents(made), documents(batch), strict=True):
        assert len(ids) == len(was)
        back, order = put_back(ids, codec)
        assert order != "none" or len(was) <= fill_in_the_middle.SHORTEST + 2
        if spm_rate == 1.0:
            assert order != "psm"
        said, had = (b"".join(map(codec.token_bytes, each)) for each in (back, was))
        # What the control tokens take, the end of the text gives; cut in a word, a text has a few tokens more.
        assert had.startswith(said)
        assert len(said) > 0.8 * len(had)
        assert (back[0], back[-1] == codec.eos) == (was[0], was[-1] == codec.eos)


def test_targets_follow_tokens_and_nothing_crosses_documents(codec: Codec) -> None:
    batch = packed(codec, [TEXT[:400], TEXT[400:900], TEXT[900:2000]], 300)
    made = rearranged(batch, ALWAYS, codec)
    assert torch.equal(made.segments_BT, batch.segments_BT)
    assert torch.equal(made.targets_BT == IGNORED, batch.targets_BT == IGNORED)
    inside = made.targets_BT[0, :-1] != IGNORED
    assert torch.equal(made.targets_BT[0, :-1][inside], made.tokens_BT[0, 1:][inside])


def test_documents_are_chosen_and_cut_by_content_and_seed_alone(codec: Codec) -> None:
    texts = [TEXT[start : start + 100] for start in range(0, 6000, 100)]
    batch = packed(codec, texts, 2500)
    halves = replace(ALWAYS, rate=0.5)
    made = rearranged(batch, halves, codec)
    assert torch.equal(made.tokens_BT, rearranged(batch, halves, codec).tokens_BT)
    assert not torch.equal(made.tokens_BT, rearranged(batch, replace(halves, seed=1), codec).tokens_BT)
    chosen = sum(codec.special(PREFIX) in ids for ids in documents(made))
    assert 0.3 < chosen / len(documents(batch)) < 0.7
    assert torch.equal(rearranged(batch, Config(rate=0.0), codec).tokens_BT, batch.tokens_BT)


def test_a_middle_may_begin_inside_a_word(codec: Codec) -> None:
    text = "acknowledgement " * 20
    made = documents(rearranged(packed(codec, [text], 120), Config(rate=1.0, spm_rate=0.0), codec))[0]
    prefix = made[2 : made.index(codec.special(SUFFIX))]
    assert text.startswith(codec.decode(prefix))
    assert made[1] == codec.special(PREFIX)


def test_the_loss_is_that_of_the_next_token(codec: Codec) -> None:
    torch.manual_seed(0)
    decoder = Decoder(MODEL)
    batch = packed(codec, [TEXT[:400], TEXT[400:900]], 200)
    given = Given({})
    given.codec = codec
    made = fill_in_the_middle.loss(decoder, batch, ALWAYS, given)
    expected = next_token.loss(decoder, rearranged(batch, ALWAYS, codec), next_token.Config())
    assert torch.equal(made.total, expected.total)
    assert made.count == expected.count == int((batch.targets_BT != IGNORED).sum())


def test_a_tokenizer_without_the_marks_is_named(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_in_the_middle, "MIDDLE", "<|no_middle|>")
    with pytest.raises(InputError, match="no_middle"):
        rearranged(packed(codec, [TEXT[:400]], 100), ALWAYS, codec)
    with pytest.raises(UsageError, match="rate is 2"):
        Config(rate=2)
