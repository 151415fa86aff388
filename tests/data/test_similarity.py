"""Sketches estimate Jaccard similarity; groups are what a slow, obvious comparison would find."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest

from ingot.data import similarity
from ingot.data.similarity import PLACES, SHINGLE_WORDS, groups, shingles, sketch

VOCABULARY = [f"word{number}" for number in range(5000)]


def words(seed: int, count: int = 400) -> list[str]:
    return random.Random(seed).choices(VOCABULARY, k=count)


def with_replaced(text: list[str], share: float, seed: int) -> list[str]:
    generator = random.Random(seed)
    return [generator.choice(VOCABULARY) if generator.random() < share else word for word in text]


def jaccard(left: list[str], right: list[str]) -> float:
    sets = [{tuple(text[start : start + SHINGLE_WORDS]) for start in range(len(text) - 4)} for text in (left, right)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_sketches_estimate_the_jaccard_similarity() -> None:
    errors = []
    for seed in range(60):
        left = words(seed)
        right = with_replaced(left, seed / 400, seed + 1000)
        signatures = sketch([" ".join(left), " ".join(right)], seed=42).signatures
        errors.append(float((signatures[0] == signatures[1]).mean()) - jaccard(left, right))
    # The standard error of one estimate is at most 0.5 / sqrt(112) = 0.047.
    assert abs(float(np.mean(errors))) < 0.02
    assert float(np.std(errors)) < 0.06


def test_shingles_ignore_case_and_punctuation_and_follow_order() -> None:
    one = shingles("The quick, brown fox JUMPS over")
    assert one.tolist() == shingles("the quick brown fox (jumps) over!").tolist()
    assert len(one) == 2
    assert set(one.tolist()).isdisjoint(shingles("quick the brown fox jumps over").tolist()[:1])
    assert len(shingles("only four words here")) == 0


def test_every_shingle_has_a_hash_of_its_own() -> None:
    texts = [" ".join(words(seed, 2000)) for seed in range(6)]
    distinct = {tuple(text.split()[start : start + 5]) for text in texts for start in range(1996)}
    assert len({hashed for text in texts for hashed in shingles(text).tolist()}) == len(distinct)


def test_long_words_differ_by_any_letter() -> None:
    base = ["a" * 200] * 5
    other = ["a" * 100 + "b" + "a" * 99, *base[1:]]
    assert shingles(" ".join(base)).tolist() != shingles(" ".join(other)).tolist()


def planted(seed: int) -> list[str]:
    """Make texts of which some repeat earlier ones, from exactly to hardly."""
    generator = random.Random(seed)
    texts = [words(seed * 1000 + number, 200) for number in range(40)]
    texts += [with_replaced(generator.choice(texts), share, 9) for share in (0, 0.005, 0.01, 0.03, 0.05, 0.2) * 10]
    generator.shuffle(texts)
    return [" ".join(text) for text in texts] + ["short text", "short text"]


def slow_groups(texts: list[str], least: float) -> list[int]:
    """Compare every pair of signatures and follow the links: the definition."""
    sketches = sketch(texts, seed=42)
    firsts = list(range(len(texts)))
    for right in range(len(texts)):
        for left in range(right):
            agreement = (sketches.signatures[left] == sketches.signatures[right]).mean()
            if sketches.is_sketched[left] and sketches.is_sketched[right] and agreement >= least:
                old, new = sorted((firsts[left], firsts[right]), reverse=True)
                firsts = [new if first == old else first for first in firsts]
    return firsts


@pytest.mark.parametrize("least", [0.9, 0.8, 0.7])
@pytest.mark.parametrize("seed", [1, 2])
def test_groups_are_those_of_comparing_every_pair(least: float, seed: int) -> None:
    texts = planted(seed)
    assert groups(sketch(texts, seed=42), least).tolist() == slow_groups(texts, least)


@pytest.mark.parametrize("seed", [1, 2])
def test_at_a_loose_threshold_no_close_pair_is_parted_and_no_stranger_let_in(seed: int) -> None:
    texts = planted(seed)
    loose = groups(sketch(texts, seed=42), 0.5)
    close, all_pairs = slow_groups(texts, 0.65), slow_groups(texts, 0.5)
    assert all(loose[number] == loose[first] for number, first in enumerate(close))
    assert all(all_pairs[number] == all_pairs[first] for number, first in enumerate(loose.tolist()))


def test_large_groups_are_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    base = words(5)
    texts = [" ".join(with_replaced(base, 0.004, number)) for number in range(60)]
    expected = groups(sketch(texts, seed=42), 0.7).tolist()
    assert len(set(expected)) < 10
    monkeypatch.setattr(similarity, "_SMALL_GROUP", 4)
    monkeypatch.setattr(similarity, "_PAIRS_AT_ONCE", 10)
    assert groups(sketch(texts, seed=42), 0.7).tolist() == expected


def test_batches_do_not_matter() -> None:
    texts = planted(3)
    whole = sketch(texts, seed=42)
    parts = similarity.join([sketch(texts[:7], seed=42), sketch(texts[7:], seed=42)])
    assert (whole.signatures == parts.signatures).all()
    assert (whole.is_sketched == parts.is_sketched).all()
    assert whole.signatures.shape == (len(texts), PLACES)


def test_a_sketch_is_the_same_in_another_process() -> None:
    text = " ".join(words(8))
    script = f"from ingot.data.similarity import sketch; print(sketch([{text!r}], 42).signatures.tobytes().hex())"
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    assert other == sketch([text], 42).signatures.tobytes().hex()
