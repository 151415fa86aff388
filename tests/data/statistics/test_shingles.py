"""Signatures are the minima of the hashes of shingles, and estimate how alike two texts are."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.data.statistics.arrays import PLACES, SHINGLE_WORDS
from ingot.data.statistics.describe import describe
from ingot.data.statistics.hashing import FACTOR, MIX_FACTOR, SEED
from ingot.data.statistics.shingles import permutations
from tests.data.statistics.slow_counts import simple_words

VOCABULARY = [f"word{number}" for number in range(5000)]
BITS = 1 << 64


def signature(text: str) -> npt.NDArray[np.uint32]:
    """Return the signature of one text."""
    return describe(pa.array([text])).signatures[0]


def mixed(value: int) -> int:
    value = (value ^ value >> 32) * int(MIX_FACTOR) % BITS
    return value ^ value >> 29


def word_hash(word: str) -> int:
    value = int(SEED)
    for character in word:
        value = (value ^ ord(character)) * int(FACTOR) % BITS
    return mixed(value)


def slow_signature(text: str) -> list[int]:
    """Do what the compiled functions do, a shingle and a place at a time."""
    hashes = [word_hash(word) for word in simple_words(text)]
    shingles = []
    for start in range(len(hashes) - SHINGLE_WORDS + 1):
        value = int(SEED)
        for hashed in hashes[start : start + SHINGLE_WORDS]:
            value = (value ^ hashed) * int(FACTOR) % BITS
            value ^= value >> 32
        shingles.append(mixed(value))
    factors, offsets = permutations().tolist()
    return [
        min([(shingle * factor + offset) % (1 << 32) for shingle in shingles], default=0xFFFFFFFF)
        for factor, offset in zip(factors, offsets, strict=True)
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["one", "TWO", "größer", "3", "日本", "a,b", "\n", "—"]), max_size=25).map(" ".join))
def test_a_signature_is_what_the_slow_way_gives(text: str) -> None:
    assert signature(text).tolist() == slow_signature(text)


def words(seed: int, count: int = 400) -> list[str]:
    return random.Random(seed).choices(VOCABULARY, k=count)


def with_replaced(text: list[str], share: float, seed: int) -> list[str]:
    generator = random.Random(seed)
    return [generator.choice(VOCABULARY) if generator.random() < share else word for word in text]


def jaccard(left: list[str], right: list[str]) -> float:
    sets = [{tuple(text[start : start + SHINGLE_WORDS]) for start in range(len(text) - 4)} for text in (left, right)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@pytest.mark.parametrize("count", [30, 400, 3000])
def test_signatures_estimate_the_jaccard_similarity(count: int) -> None:
    errors = []
    for seed in range(100):
        left = words(seed, count)
        right = with_replaced(left, seed / 500, seed + 1000)
        agreement = (signature(" ".join(left)) == signature(" ".join(right))).mean()
        errors.append(float(agreement) - jaccard(left, right))
    # The standard error of one estimate is at most 0.5 / sqrt(112) = 0.047.
    assert abs(float(np.mean(errors))) < 0.02
    assert float(np.std(errors)) < 0.06


def test_case_and_punctuation_do_not_matter_and_order_does() -> None:
    one = signature("The quick, brown fox JUMPS over").tolist()
    assert one == signature("the quick brown fox (jumps) over!").tolist()
    assert one != signature("quick the brown fox jumps over").tolist()


def test_texts_without_a_shingle_are_known() -> None:
    statistics = describe(pa.array(["only four words here", "these are five words here", "五个词语吗"]))
    assert statistics.is_sketched.tolist() == [False, True, True]


def test_long_words_differ_by_any_letter() -> None:
    rest = " b c d e"
    assert signature("a" * 200 + rest).tolist() != signature("a" * 100 + "b" + "a" * 99 + rest).tolist()


def test_words_and_contents_have_hashes() -> None:
    statistics = describe(pa.array(["The rent is due.", "the rent is due", "the rent is paid", "The rent is due."]))
    assert len(set(statistics.words_hash.tolist())) == 2
    assert statistics.words_hash[0] == statistics.words_hash[1]
    assert len(set(statistics.content_hash.tolist())) == 3


def test_a_signature_is_the_same_in_another_process() -> None:
    text = " ".join(words(8))
    script = (
        "import pyarrow; from ingot.data.statistics.describe import describe; "
        f"print(describe(pyarrow.array([{text!r}])).signatures.tobytes().hex())"
    )
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    assert other == signature(text).tobytes().hex()
    assert len(other) == 8 * PLACES
