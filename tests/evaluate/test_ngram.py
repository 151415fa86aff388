from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.evaluate import ngram


def slow_bits(trained_on: list[bytes], document: bytes, order: int) -> float:
    """The formula of Witten and Bell, one byte and one dictionary at a time."""
    counts: Counter[tuple[bytes, int]] = Counter()
    for text in trained_on:
        padded = b"\0" * (order - 1) + text
        for place in range(order - 1, len(padded)):
            for length in range(order):
                counts[padded[place - length : place], padded[place]] += 1

    def probability(context: bytes, byte: int) -> float:
        lower = probability(context[1:], byte) if context else 1 / 256
        followers = [count for (before, _), count in counts.items() if before == context]
        if not followers:
            return lower
        return (counts[context, byte] + len(followers) * lower) / (sum(followers) + len(followers))

    padded = b"\0" * (order - 1) + document
    places = range(order - 1, len(padded))
    return sum(-math.log2(probability(padded[place - order + 1 : place], padded[place])) for place in places)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("document", [b"abracadabra", b"", b"zebra", b"\0\xff", "naïve".encode()])
def test_bits_equal_those_of_the_formula(order: int, document: bytes) -> None:
    trained_on = [b"abracadabra", b"cadabra abra", b"", b"a"]
    fast = ngram.bits(ngram.train(trained_on, order), [document])
    assert fast[0] == pytest.approx(slow_bits(trained_on, document, order))


@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.binary(max_size=12), max_size=4), context=st.binary(max_size=6), order=st.integers(1, 8))
def test_probabilities_of_the_next_byte_sum_to_one(texts: list[bytes], context: bytes, order: int) -> None:
    probabilities = ngram.next_byte(ngram.train(texts, order), context)
    assert probabilities.sum() == pytest.approx(1.0)
    assert (probabilities > 0).all()


def test_documents_are_read_apart_from_one_another() -> None:
    model = ngram.train([b"the cat sat on the mat"], 4)
    together = ngram.bits(model, [b"the mat", b"on the cat"])
    assert together == pytest.approx([ngram.bits(model, [text])[0] for text in (b"the mat", b"on the cat")])


def test_nothing_known_costs_eight_bits_a_byte() -> None:
    assert ngram.bits(ngram.train([], 6), [b"four"]) == pytest.approx([32.0])


def test_known_text_costs_less_with_longer_contexts() -> None:
    text = b"the quick brown fox jumps over the lazy dog. " * 20
    costs = [ngram.bits(ngram.train([text], order), [text])[0] for order in (1, 2, 4)]
    assert costs == sorted(costs, reverse=True)


def test_an_order_beyond_eight_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="order 9"):
        ngram.train([b"text"], 9)


def test_eight_bytes_fill_the_code_without_overflow() -> None:
    text = bytes([0xFF]) * 40
    assert np.isfinite(ngram.bits(ngram.train([text], 8), [text])).all()
