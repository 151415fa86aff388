from __future__ import annotations

import random

import pytest
import zstandard

from ingot.evaluate.dictionary import bits

SENTENCES = [f"Article {number}: the party of part {number % 7} shall not be held liable.\n" for number in range(400)]
TEXT = "".join(SENTENCES).encode()


def test_a_passage_of_the_training_text_costs_next_to_nothing() -> None:
    passage = TEXT[2000:6000]
    assert bits(TEXT, [passage])[0] < 0.05 * 8 * len(passage)


def test_text_it_never_met_costs_about_what_it_costs_without_a_dictionary() -> None:
    noise = random.Random(1).randbytes(2000)
    assert bits(TEXT, [noise])[0] == pytest.approx(8 * 2000, rel=0.02)


def test_documents_do_not_help_one_another() -> None:
    noise = random.Random(2).randbytes(3000)
    alone, again = bits(TEXT, [noise, noise])
    assert alone == again


def test_the_dictionary_helps_related_text() -> None:
    related = b"Article 977: the party of part 3 shall not be held liable, nor shall the party of part 5.\n" * 3
    plain = 8 * len(zstandard.ZstdCompressor(level=19).compress(related))
    assert bits(TEXT, [related])[0] < 0.7 * plain


def test_a_training_text_of_a_few_bytes_is_no_error() -> None:
    assert bits(b"a", [b"text", b""])[0] > 0
