from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

from ingot.evaluate.bits import bits_per_byte, document_bits
from ingot.flow.artifact import Artifact
from ingot.model.convert import load
from ingot.model.decoder import Decoder
from tests.evaluate.small_build import CONTEXT

BOS = 0
DOCUMENTS = [
    torch.randint(20, 500, (length,), generator=torch.Generator().manual_seed(length)).tolist()
    for length in (1, 7, CONTEXT - 1, CONTEXT, CONTEXT + 1, 3 * CONTEXT + 5)
]


@pytest.fixture
def decoder(made: dict[str, Artifact]) -> Decoder:
    return load(made["checkpoint"].path).eval()


@torch.no_grad()
def slow_bits(decoder: Decoder, ids: list[int], stride: int) -> float:
    """Score one token at a time: each with the past its window gives it."""
    tokens = [BOS, *ids]
    total = 0.0
    for place in range(1, len(tokens)):
        start = 0
        while place > start + CONTEXT:
            start += stride
        logits = decoder.logits(decoder(torch.tensor([tokens[start:place]])))[0, -1].double()
        total -= float(F.log_softmax(logits, -1)[tokens[place]])
    return total / math.log(2)


@pytest.mark.parametrize("stride", [CONTEXT, CONTEXT // 2, 5])
def test_every_token_is_scored_once_with_the_past_of_its_window(decoder: Decoder, stride: int) -> None:
    expected = [slow_bits(decoder, ids, stride) for ids in DOCUMENTS]
    assert document_bits(decoder, DOCUMENTS, BOS, stride) == pytest.approx(expected, rel=1e-4)


def test_a_document_that_fits_the_context_costs_what_transformers_says(made: dict[str, Artifact]) -> None:
    decoder = load(made["checkpoint"].path).eval()
    reference = AutoModelForCausalLM.from_pretrained(made["checkpoint"].path).eval()
    ids = DOCUMENTS[2]
    inputs = torch.tensor([[BOS, *ids]])
    with torch.no_grad():
        mean_nats = float(reference(input_ids=inputs, labels=inputs).loss)
    assert document_bits(decoder, [ids], BOS, 8)[0] == pytest.approx(mean_nats * len(ids) / math.log(2), rel=1e-4)


def test_documents_do_not_see_one_another(decoder: Decoder) -> None:
    together = document_bits(decoder, DOCUMENTS, BOS, 16)
    apart = [document_bits(decoder, [ids], BOS, 16)[0] for ids in DOCUMENTS]
    assert together == pytest.approx(apart, rel=1e-4)


def test_an_empty_document_costs_nothing(decoder: Decoder) -> None:
    assert document_bits(decoder, [[], DOCUMENTS[1]], BOS, 16)[0] == 0


def test_progress_ends_with_the_number_of_windows(decoder: Decoder) -> None:
    done: list[int] = []
    document_bits(decoder, [DOCUMENTS[0], DOCUMENTS[-1]], BOS, CONTEXT, done.append)
    assert done[-1] == 1 + 4


def test_bits_per_byte_is_total_over_total() -> None:
    figure = bits_per_byte(np.array([10.0, 90.0]), np.array([10, 10]), resamples=100, seed=0)
    assert figure.value == pytest.approx(5.0)


def test_the_interval_holds_the_figure_repeats_and_narrows_with_more_documents() -> None:
    random = np.random.default_rng(5)

    def interval(documents: int) -> tuple[float, float]:
        sizes = random.integers(100, 1000, documents)
        bits = sizes * random.normal(1.5, 0.2, documents)
        first, second = (bits_per_byte(bits, sizes, resamples=500, seed=1) for _ in range(2))
        assert first == second
        assert first.low is not None
        assert first.high is not None
        assert first.low < first.value < first.high
        return first.low, first.high

    few, many = interval(10), interval(1000)
    assert many[1] - many[0] < few[1] - few[0]


def test_a_single_document_has_no_interval() -> None:
    figure = bits_per_byte(np.array([10.0]), np.array([5]), resamples=100, seed=0)
    assert (figure.value, figure.low, figure.high) == (2.0, None, None)
