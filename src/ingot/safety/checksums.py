"""The check digits that tell a number somebody was given from any other number.

Each function takes what its standard calls the string (digits, or digits and capital letters) and says whether its
check holds. Sources: ISO/IEC 7812-1 (Luhn), ISO 13616-1 (IBAN) with ISO/IEC 7064 MOD 97-10, ISO/IEC 7064 MOD 11-10
and MOD 11-2, Verhoeff (1969).
"""

from __future__ import annotations

from collections.abc import Sequence

# The dihedral group of order 10, and Verhoeff's permutation of the digits by their position.
_DIHEDRAL = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_PERMUTED = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn(digits: str) -> bool:
    """Return whether the last digit is the Luhn check of the others.

    >>> luhn("79927398713"), luhn("79927398710")
    (True, False)
    """
    total = sum(int(digit) for digit in digits[-1::-2]) + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return total % 10 == 0


def mod_97(characters: str) -> bool:
    """Return whether the number is 1 modulo 97, letters counting as 10 to 35 (ISO/IEC 7064 MOD 97-10)."""
    return int("".join(str(int(character, 36)) for character in characters)) % 97 == 1


def mod_11_10(digits: str) -> bool:
    """Return whether the last digit is the hybrid MOD 11,10 check of the others (ISO/IEC 7064)."""
    product = 10
    for digit in digits[:-1]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def mod_11_2(characters: str) -> bool:
    """Return whether the last character, X for ten, is the MOD 11-2 check of the digits before it (ISO/IEC 7064)."""
    total = 0
    for digit in characters[:-1]:
        total = (total + int(digit)) * 2 % 11
    return "0123456789X"[(12 - total) % 11] == characters[-1]


def verhoeff(digits: str) -> bool:
    """Return whether the last digit is the Verhoeff check of the others.

    >>> verhoeff("2363"), verhoeff("2364")
    (True, False)
    """
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _DIHEDRAL[check][_PERMUTED[place % 8][int(digit)]]
    return check == 0


def weighted(digits: str, weights: Sequence[int]) -> int:
    """Return the sum of the digits, each times its weight; digits beyond the weights do not count."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))
