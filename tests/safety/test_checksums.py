"""The checks against slow references written from the standards in another way."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from ingot.safety.checksums import luhn, mod_11_2, mod_11_10, mod_97, verhoeff, weighted

DIGITS = st.text(alphabet="0123456789", min_size=2, max_size=20)


def luhn_slowly(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value // 10 + value % 10
    return total % 10 == 0


def mod_97_piecewise(characters: str) -> bool:
    """The method of ECBS TR 201: nine digits at a time."""
    digits = "".join(str("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(mark)) for mark in characters)
    return reduce(lambda rest, digit: (rest * 10 + int(digit)) % 97, digits, 0) == 1


def mod_11_10_by_trial(digits: str) -> bool:
    """ISO/IEC 7064 7.2: the adjusted product after the last character is 1 modulo 10."""
    product = 10
    for digit in digits[:-1]:
        step = (product + int(digit)) % 10
        product = (2 * (10 if step == 0 else step)) % 11
    return (product + int(digits[-1])) % 10 == 1


def mod_11_2_as_polynomial(characters: str) -> bool:
    values = [10 if mark == "X" else int(mark) for mark in characters]
    return sum(value * 2**place for place, value in enumerate(reversed(values))) % 11 == 1


def verhoeff_by_symmetries(digits: str) -> bool:
    """Digits as symmetries of a pentagon (0-4 turns, 5-9 flips), permuted by powers of one permutation."""
    permutation = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)

    def times(left: int, right: int) -> int:
        if left < 5:
            return (left + right) % 5 if right < 5 else (left + right) % 5 + 5
        return (left - right) % 5 + 5 if right < 5 else (left - right) % 5

    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = permutation[value]
        total = times(total, value)
    return total == 0


@given(DIGITS)
def test_luhn(digits: str) -> None:
    assert luhn(digits) == luhn_slowly(digits)
    assert sum(luhn(digits + check) for check in "0123456789") == 1


@given(st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=34))
def test_mod_97(characters: str) -> None:
    assert mod_97(characters) == mod_97_piecewise(characters)


@given(DIGITS)
def test_mod_11_10(digits: str) -> None:
    assert mod_11_10(digits) == mod_11_10_by_trial(digits)


@given(DIGITS, st.sampled_from("0123456789X"))
def test_mod_11_2(digits: str, check: str) -> None:
    assert mod_11_2(digits + check) == mod_11_2_as_polynomial(digits + check)


@given(DIGITS)
def test_verhoeff(digits: str) -> None:
    assert verhoeff(digits) == verhoeff_by_symmetries(digits)
    assert sum(verhoeff(digits + check) for check in "0123456789") == 1


@given(DIGITS, st.integers(0, 18), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(digits: str, place: int, change: int) -> None:
    place %= len(digits)
    wrong = digits[:place] + str((int(digits[place]) + change) % 10) + digits[place + 1 :]
    assert not (luhn(digits) and luhn(wrong))
    assert not (verhoeff(digits) and verhoeff(wrong))


def test_weights_beyond_the_digits_do_not_count() -> None:
    assert weighted("123", (1, 10, 100, 1000)) == 321
