"""Each kind of national number: published examples, and numbers made by a slow reference of its own."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from ingot.safety.national_ids.all import RULES
from ingot.safety.national_ids.rule import Rule

# Examples printed by the authorities, in textbooks of the standards, or made from their rules; none is a person's.
EXAMPLES = {
    "ar_cuil": "20-12345678-6",
    "at_social_insurance": "1237 010180",
    "au_medicare": "2123 45670 1",
    "au_tfn": "123 456 782",
    "be_national_number": "85.07.30-033.28",
    "bg_egn": "7523169263",
    "br_cpf": "529.982.247-25",
    "ca_sin": "130 692 544",
    "ch_ahv": "756.9217.0769.85",
    "cl_rut": "12.345.678-5",
    "cn_resident_id": "11010519491231002X",
    "cz_sk_birth_number": "736028/5163",
    "de_social_insurance": "15 070649 C 103",
    "de_steuer_id": "86 095 742 719",
    "dk_cpr": "070761-4285",
    "ee_lt_personal_code": "37605030299",
    "es_dni": "12345678Z",
    "ex_yugoslav_emso": "0101006500006",
    "fi_hetu": "131052-308T",
    "fr_nir": "2 55 08 14 168 025 38",
    "gr_amka": "01013099997",
    "hr_oib": "33392005961",
    "hu_taj": "111111110",
    "ie_pps": "1234567T",
    "il_id": "123456782",
    "in_aadhaar": "2341 2341 2346",
    "in_pan": "ABCPE1234F",
    "is_kennitala": "120174-3399",
    "it_codice_fiscale": "RSSMRA85T10A562S",
    "jp_my_number": "1234 5678 9018",
    "kr_rrn": "971013-9019902",
    "mx_curp": "BOXW310820HNERXN09",
    "nl_bsn": "1112.22.333",
    "no_fodselsnummer": "15108695088",
    "pl_pesel": "44051401359",
    "pt_nif": "123456789",
    "ro_cnp": "1630615123457",
    "se_personnummer": "811228-9874",
    "sg_nric": "S1234567D",
    "th_national_id": "1-2345-45678-78-1",
    "tr_kimlik": "10000000146",
    "tw_national_id": "A123456789",
    "ua_rnokpp": "1759013776",
    "uk_nhs": "943 476 5919",
    "uk_nino": "AB 12 34 56 C",
    "us_itin": "912-90-3457",
    "us_ssn": "536-90-4399",
    "za_id": "8001015009087",
}
# Kinds whose last digit is no check: there is none, or an issue number or a century stands behind it.
UNCHECKED = {"au_medicare", "dk_cpr", "in_pan", "is_kennitala", "uk_nino", "us_itin", "us_ssn"}


def rules(name: str) -> list[Rule]:
    return [rule for rule in RULES if rule.name == name]


def accepted(name: str, number: str) -> bool:
    return any(rule.accepts(number) for rule in rules(name))


def test_every_kind_has_an_example_and_more_than_twelve_countries_are_known() -> None:
    assert {rule.name for rule in RULES} == set(EXAMPLES)
    assert len({rule.country for rule in RULES}) > 30


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_example_is_accepted(name: str) -> None:
    assert accepted(name, EXAMPLES[name])


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - UNCHECKED))
def test_a_wrong_last_digit_is_noticed(name: str) -> None:
    number = EXAMPLES[name]
    place = max(place for place, mark in enumerate(number) if mark.isdigit())
    others = (number[:place] + digit + number[place + 1 :] for digit in "0123456789" if digit != number[place])
    assert sum(accepted(name, other) for other in others) <= 1


def digits(count: int, source: random.Random) -> str:
    return "".join(source.choice("0123456789") for _ in range(count))


def day(source: random.Random) -> tuple[int, int, int]:
    return source.randrange(1950, 2000), source.randrange(1, 13), source.randrange(1, 29)


def br_cpf(source: random.Random) -> str:
    body = [int(digit) for digit in digits(9, source)]
    for _ in range(2):
        rest = sum(value * weight for value, weight in zip(reversed(body), range(2, 12), strict=False)) % 11
        body.append(0 if rest < 2 else 11 - rest)
    return "".join(map(str, body))


def pl_pesel(source: random.Random) -> str:
    year, month, date = day(source)
    body = f"{year % 100:02d}{month:02d}{date:02d}{digits(4, source)}"
    last_digits = [int(digit) * (1, 3, 7, 9)[place % 4] % 10 for place, digit in enumerate(body)]
    return body + str((10 - sum(last_digits) % 10) % 10)


def no_fodselsnummer(source: random.Random) -> str:
    while True:
        year, month, date = day(source)
        body = f"{date:02d}{month:02d}{year % 100:02d}{digits(3, source)}"
        first = -sum(int(d) * w for d, w in zip(body, (3, 7, 6, 1, 8, 9, 4, 5, 2), strict=True)) % 11
        second = -sum(int(d) * w for d, w in zip(body + str(first), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=False)) % 11
        if first < 10 and second < 10:
            return f"{body}{first}{second}"


def nl_bsn(source: random.Random) -> str:
    while True:
        number = digits(9, source)
        total = sum(int(digit) * weight for digit, weight in zip(number[:8], range(9, 1, -1), strict=True))
        if (total - int(number[8])) % 11 == 0 and number > "010000000":
            return number


def fr_nir(source: random.Random) -> str:
    year, month, _ = day(source)
    body = f"{source.choice('12')}{year % 100:02d}{month:02d}{source.randrange(1, 95):02d}{digits(6, source)}"
    return f"{body}{next(key for key in range(1, 98) if (int(body) + key) % 97 == 0):02d}"


def es_dni(source: random.Random) -> str:
    body = digits(8, source)
    return body + "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23]


def be_national_number(source: random.Random) -> str:
    year, month, date = day(source)
    body = f"{year % 100:02d}{month:02d}{date:02d}{digits(3, source)}"
    return f"{body}{next(key for key in range(1, 98) if (int(body) + key) % 97 == 0):02d}"


def ch_ahv(source: random.Random) -> str:
    body = "756" + digits(9, source)
    total = sum(int(digit) for digit in body[0::2]) + 3 * sum(int(digit) for digit in body[1::2])
    return body + str(-total % 10)


def fi_hetu(source: random.Random) -> str:
    year, month, date = day(source)
    body, serial = f"{date:02d}{month:02d}{year % 100:02d}", f"{source.randrange(2, 900):03d}"
    return f"{body}-{serial}{'0123456789ABCDEFHJKLMNPRSTUVWXY'[int(body + serial) % 31]}"


def se_personnummer(source: random.Random) -> str:
    year, month, date = day(source)
    body = f"{year % 100:02d}{month:02d}{date:02d}{digits(3, source)}"
    products = "".join(str(int(digit) * (2 - place % 2)) for place, digit in enumerate(body))
    return f"{body[:6]}-{body[6:]}{-sum(map(int, products)) % 10}"


def uk_nhs(source: random.Random) -> str:
    while True:
        body = digits(9, source)
        check = -sum(int(digit) * (10 - place) for place, digit in enumerate(body)) % 11
        if check < 10 and len(set(body)) > 1:
            return f"{body}{check}"


def tr_kimlik(source: random.Random) -> str:
    body = [source.randrange(1, 10), *(source.randrange(10) for _ in range(8))]
    odd, even = sum(body[place] for place in (0, 2, 4, 6, 8)), sum(body[place] for place in (1, 3, 5, 7))
    body.append((odd * 7 + even * 9) % 10)
    return "".join(map(str, body)) + str(odd * 8 % 10)


def za_id(source: random.Random) -> str:
    year, month, date = day(source)
    body = f"{year % 100:02d}{month:02d}{date:02d}{digits(4, source)}08"
    odd = sum(int(digit) for digit in body[0::2])
    even = sum(map(int, str(int(body[1::2]) * 2)))
    return body + str(-(odd + even) % 10)


def cn_resident_id(source: random.Random) -> str:
    year, month, date = day(source)
    body = f"11{digits(4, source)}{year}{month:02d}{date:02d}{digits(3, source)}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def dk_cpr(source: random.Random) -> str:
    year, month, date = day(source)
    return f"{date:02d}{month:02d}{year % 100:02d}-{digits(4, source)}"


REFERENCES: list[Callable[[random.Random], str]] = [
    *(be_national_number, br_cpf, ch_ahv, cn_resident_id, dk_cpr, es_dni, fi_hetu, fr_nir, nl_bsn, no_fodselsnummer),
    *(pl_pesel, se_personnummer, tr_kimlik, uk_nhs, za_id),
]


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda each: each.__name__)
def test_what_a_slow_reference_makes_is_accepted(reference: Callable[[random.Random], str]) -> None:
    source = random.Random(7)
    for _ in range(200):
        number = reference(source)
        assert accepted(reference.__name__, number), number


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda each: each.__name__)
def test_few_numbers_by_chance_are_accepted(reference: Callable[[random.Random], str]) -> None:
    source = random.Random(11)
    made = [reference(source) for _ in range(400)]
    changed = ["".join(source.choice("0123456789") if mark.isdigit() else mark for mark in each) for each in made]
    assert sum(accepted(reference.__name__, each) for each in changed) < 400 * 0.2


@pytest.mark.parametrize("number", ["000-12-3456", "666-12-3456", "900-12-3456", "536-00-4399", "536-90-0000"])
def test_areas_that_were_never_given_are_refused(number: str) -> None:
    assert not accepted("us_ssn", number)


@pytest.mark.parametrize("number", ["GB 12 34 56 A", "QQ 12 34 56 C", "AO 12 34 56 C", "AB 12 34 56 E"])
def test_prefixes_that_are_not_used_are_refused(number: str) -> None:
    assert not accepted("uk_nino", number)


def test_days_that_do_not_exist_are_refused() -> None:
    assert not accepted("dk_cpr", "310261-4285")
    assert not accepted("fi_hetu", "311152-308T")
