"""National numbers of the Nordic and Baltic countries."""

from __future__ import annotations

import re

from ingot.safety.checksums import luhn, weighted
from ingot.safety.national_ids.rule import Rule, is_day, is_short_day

_HETU_CHECKS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_HETU_CENTURIES = {"+": 1800, **dict.fromkeys("YXWVU", 1900), **dict.fromkeys("ABCDEF", 2000)}


def se_personnummer(number: str) -> bool:
    """Personnummer: SKV 704, birth date (samordningsnummer: day plus 60) and Luhn check of the last ten digits."""
    digits = re.sub(r"\D", "", number)[-10:]
    day = int(digits[4:6])
    return is_short_day(digits[:2], digits[2:4], str(day - 60 if day > 60 else day)) and luhn(digits)


def no_fodselsnummer(number: str) -> bool:
    """Fødselsnummer: Skatteetaten, two modulus 11 checks; D numbers add 40 to the day, H numbers to the month."""
    day, month = int(number[:2]) % 40, int(number[2:4]) % 40
    first = weighted(number, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1))
    second = weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))
    return is_short_day(number[4:6], str(month), str(day)) and first % 11 == 0 and second % 11 == 0


def dk_cpr(number: str) -> bool:
    """CPR number: Det Centrale Personregister, a birth date; the modulus 11 check ended in 2007."""
    return is_short_day(number[4:6], number[2:4], number[:2])


def fi_hetu(number: str) -> bool:
    """Henkilötunnus: decree 128/2010 and the letters added in 2023, birth date and check mark by modulus 31."""
    century = _HETU_CENTURIES[number[6]] if len(number) == 11 else 1900  # the hyphen is gone from the normal form
    check = _HETU_CHECKS[int(number[:6] + number[-4:-1]) % 31]
    return is_day(century + int(number[4:6]), int(number[2:4]), int(number[:2])) and check == number[-1]


def is_kennitala(number: str) -> bool:
    """Kennitala: Þjóðskrá, birth date and modulus 11 in the ninth place; the last digit is the century."""
    check = weighted(number, (3, 2, 7, 6, 5, 4, 3, 2, 1))
    return check % 11 == 0 and number[9] in "890" and is_short_day(number[4:6], number[2:4], number[:2])


def baltic(number: str) -> bool:
    """Isikukood and asmens kodas: EVS 585:2007, modulus 11 in two stages; birth date after a digit for the century."""
    check = weighted(number[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weighted(number[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return check == int(number[10]) and is_short_day(number[1:3], number[3:5], number[5:7])


RULES = (
    Rule(
        "se_personnummer",
        "SE",
        r"(?:(?:18|19|20)\d{6}|\d{6})[-+ ]?\d{4}",
        se_personnummer,
        ("personnummer", "personal identity number", "samordningsnummer", "pnr"),
        0.6,
    ),
    Rule(
        "no_fodselsnummer",
        "NO",
        r"\d{6} ?\d{5}",
        no_fodselsnummer,
        ("fødselsnummer", "fodselsnummer", "personnummer", "fnr", "d-nummer"),
        0.75,
    ),
    Rule("dk_cpr", "DK", r"\d{6}[- ]?\d{4}", dk_cpr, ("cpr", "cpr-nr", "cpr-nummer", "personnummer"), 0.3),
    Rule(
        "fi_hetu",
        "FI",
        r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]",
        fi_hetu,
        ("henkilötunnus", "hetu", "personbeteckning", "sotu"),
        0.95,
    ),
    Rule("is_kennitala", "IS", r"\d{6}[- ]?\d{4}", is_kennitala, ("kennitala", "kt."), 0.4),
    Rule("ee_lt_personal_code", "EE", r"[1-6]\d{10}", baltic, ("isikukood", "asmens kodas", "personal code"), 0.6),
)
