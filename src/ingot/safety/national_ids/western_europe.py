"""National numbers of Western and Southern Europe."""

from __future__ import annotations

import re
from collections import Counter

from ingot.safety.checksums import mod_11_10, weighted
from ingot.safety.national_ids.rule import Rule, is_short_day

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_PPS_LETTERS = "WABCDEFGHIJKLMNOPQRSTUV"
_OMOCODIA = str.maketrans("LMNPQRSTUV", "0123456789")
_ODD_VALUES = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_MONTHS = "ABCDEHLMPRST"


def uk_nino(number: str) -> bool:
    """National Insurance number: HMRC manual NIM39110, prefixes that are not used."""
    return number[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def uk_nhs(number: str) -> bool:
    """NHS number: NHS Data Dictionary, modulus 11 with weights 10 to 2."""
    check = 11 - weighted(number[:9], range(10, 1, -1)) % 11
    return check != 10 and check % 11 == int(number[9]) and len(set(number)) > 1


def de_steuer_id(number: str) -> bool:
    """Steuerliche Identifikationsnummer: § 139b AO and the Bundeszentralamt's test procedure, ISO 7064 MOD 11,10.

    Of the first ten digits exactly one occurs twice or three times.
    """
    counts = Counter(Counter(number[:10]).values())
    repeats = counts[2] + counts[3]
    return number[0] != "0" and repeats == 1 and max(counts) <= 3 and mod_11_10(number)


def de_social_insurance(number: str) -> bool:
    """Rentenversicherungsnummer: VKVV § 4, the letter counts as two digits, digit sums of weighted digits modulo 10."""
    letter = f"{ord(number[8]) - 64:02d}"
    digits = number[:8] + letter + number[9:11]
    products = (int(digit) * weight for digit, weight in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True))
    day = int(number[2:4])
    is_born = is_short_day(number[6:8], number[4:6], f"{day if day <= 31 else day - 50:02d}")
    return is_born and sum(sum(map(int, str(product))) for product in products) % 10 == int(number[11])


def fr_nir(number: str) -> bool:
    """Numéro d'inscription au répertoire: INSEE, 97 minus the number modulo 97; Corsica's 2A and 2B are 19 and 18."""
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return body.isdigit() and 97 - int(body) % 97 == int(number[13:])


def es_dni(number: str) -> bool:
    """Documento nacional de identidad and NIE: Ministerio del Interior, letter by the number modulo 23."""
    digits = number[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return _DNI_LETTERS[int(digits) % 23] == number[-1]


def it_codice_fiscale(number: str) -> bool:
    """Codice fiscale: D.M. 23 December 1976, check letter by odd and even places; letters may stand for digits."""
    plain = number[:6] + number[6:8].translate(_OMOCODIA) + number[8] + number[9:11].translate(_OMOCODIA)
    day = int(plain[9:11])
    if number[8] not in _MONTHS or not 1 <= (day - 40 if day > 40 else day) <= 31:
        return False
    total = sum(_odd(mark) for mark in number[0:15:2]) + sum(_even(mark) for mark in number[1:15:2])
    return chr(65 + total % 26) == number[15]


def _odd(mark: str) -> int:
    return _ODD_VALUES[int(mark)] if mark.isdigit() else _ODD_VALUES[ord(mark) - 65]


def _even(mark: str) -> int:
    return int(mark) if mark.isdigit() else ord(mark) - 65


def nl_bsn(number: str) -> bool:
    """Burgerservicenummer: Logisch Ontwerp BSN, the eleven test with a last weight of -1."""
    return weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and int(number) > 9_999_999


def be_national_number(number: str) -> bool:
    """Rijksregisternummer: royal decree of 3 April 1984, 97 minus the number modulo 97, a 2 before it since 2000."""
    checks = (97 - int(number[:9]) % 97, 97 - int("2" + number[:9]) % 97)
    return int(number[2:4]) <= 12 and int(number[4:6]) <= 31 and int(number[9:]) in checks


def ch_ahv(number: str) -> bool:
    """AHV number: AHVV art. 133bis and the Zentrale Ausgleichsstelle, check digit of EAN-13."""
    return (10 - weighted(number[:12], (1, 3) * 6) % 10) % 10 == int(number[12])


def at_social_insurance(number: str) -> bool:
    """Sozialversicherungsnummer: Dachverband der Sozialversicherungsträger, modulus 11, check in fourth place."""
    check = weighted(number[:3] + number[4:], (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11
    return check == int(number[3]) and 1 <= int(number[4:6]) <= 31 and 1 <= int(number[6:8]) <= 15


def ie_pps(number: str) -> bool:
    """Personal Public Service number: Department of Social Protection, letter by modulus 23."""
    second = ord(number[8]) - 64 if len(number) == 9 and number[8] != "W" else 0
    return _PPS_LETTERS[(weighted(number[:7], range(8, 1, -1)) + 9 * second) % 23] == number[7]


def pt_nif(number: str) -> bool:
    """Número de identificação fiscal of a person: Autoridade Tributária, modulus 11, first digits 1, 2, 3 and 45."""
    check = 11 - weighted(number[:8], range(9, 1, -1)) % 11
    return (number[0] in "123" or number[:2] == "45") and (check if check < 10 else 0) == int(number[8])


def gr_amka(number: str) -> bool:
    """AMKA: IDIKA, birth date and Luhn check."""
    digits = [int(digit) for digit in number]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return is_short_day(number[4:6], number[2:4], number[:2]) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def by_letters(number: str) -> bool:
    """Accept what the shape says; there is no check digit."""
    return re.search(r"\d", number) is not None


RULES = (
    Rule(
        "uk_nino",
        "GB",
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-D]",
        uk_nino,
        ("national insurance", "nino", "ni number", "ni no"),
        0.75,
    ),
    Rule("uk_nhs", "GB", r"\d{3}[ -]?\d{3}[ -]?\d{4}", uk_nhs, ("nhs", "national health", "chi number"), 0.0),
    Rule(
        "de_steuer_id",
        "DE",
        r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
        de_steuer_id,
        (
            "steuer-id",
            "steuer id",
            "steueridentifikationsnummer",
            "steuerliche identifikationsnummer",
            "idnr",
            "tax id",
            "steuer-idnr",
            "identifikationsnummer",
            "tin",
        ),
        0.4,
    ),
    Rule(
        "de_social_insurance",
        "DE",
        r"\d{2} ?\d{6} ?[A-Z] ?\d{3}",
        de_social_insurance,
        ("rentenversicherungsnummer", "sozialversicherungsnummer", "rvnr", "svnr", "versicherungsnummer"),
        0.85,
    ),
    Rule(
        "fr_nir",
        "FR",
        r"[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[ABab]) ?\d{3} ?\d{3} ?\d\d",
        fr_nir,
        ("sécurité sociale", "securite sociale", "nir", "insee", "n° ss", "social security"),
        0.85,
    ),
    Rule(
        "es_dni",
        "ES",
        r"(?:\d{2}\.?\d{3}\.?\d{3}|[XYZ]-?\d{7})[ -]?[A-Z]",
        es_dni,
        ("dni", "nie", "nif", "documento nacional", "identidad"),
        0.8,
    ),
    Rule(
        "it_codice_fiscale",
        "IT",
        r"[A-Z]{6} ?[0-9LMNP-V]{2} ?[A-EHLMPR-T] ?[0-9LMNP-V]{2} ?[A-Z][0-9LMNP-V]{3} ?[A-Z]",
        it_codice_fiscale,
        ("codice fiscale", "c.f.", "cf"),
        0.95,
    ),
    Rule(
        "nl_bsn",
        "NL",
        r"\d{4}[ .]?\d{2}[ .]?\d{3}|\d{3}[ .]\d{3}[ .]\d{3}",
        nl_bsn,
        ("bsn", "burgerservicenummer", "sofinummer", "sofi-nummer"),
        0.0,
    ),
    Rule(
        "be_national_number",
        "BE",
        r"\d\d[.]?\d\d[.]?\d\d[- ]?\d{3}[. ]?\d\d",
        be_national_number,
        ("rijksregister", "rijksregisternummer", "registre national", "national number", "nrn", "insz", "niss"),
        0.6,
    ),
    Rule(
        "ch_ahv",
        "CH",
        r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d\d",
        ch_ahv,
        ("ahv", "avs", "ahv-nummer", "sozialversicherung"),
        0.9,
    ),
    Rule(
        "at_social_insurance",
        "AT",
        r"[1-9]\d{3}[ -]?\d{6}",
        at_social_insurance,
        ("sozialversicherungsnummer", "sv-nummer", "svnr", "sv-nr", "versicherungsnummer"),
        0.25,
    ),
    Rule("ie_pps", "IE", r"\d{7}[A-W][A-IW]?", ie_pps, ("pps", "ppsn", "personal public service"), 0.7),
    Rule(
        "pt_nif",
        "PT",
        r"\d{3}[ .]?\d{3}[ .]?\d{3}",
        pt_nif,
        ("nif", "contribuinte", "número fiscal", "numero fiscal"),
        0.0,
    ),
    Rule("gr_amka", "GR", r"\d{6} ?\d{5}", gr_amka, ("amka", "αμκα"), 0.3),
)
