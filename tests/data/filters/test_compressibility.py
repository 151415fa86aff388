"""What repeats itself compresses, noise does not."""

from __future__ import annotations

import random
import string
from typing import Any

from ingot.data.batch import of_texts
from ingot.data.filters.compressibility import Config, annotate

PROSE = "The tenant shall pay the rent on the first day of each month. The landlord keeps the roof in good repair.\n"


def values(*texts: str) -> list[Any]:
    (annotation,) = annotate(of_texts(texts), Config())
    return list(annotation.values)


def test_repetition_stands_out_from_prose() -> None:
    usual, odd = values(PROSE, "the same again and again " * 200)
    assert odd < usual / 3


def test_random_letters_do_not_compress() -> None:
    noise = "".join(random.Random(1).choices(string.ascii_letters, k=5000))
    assert values(noise)[0] > 0.7


def test_no_text_is_no_repetition() -> None:
    assert values("") == [1]
