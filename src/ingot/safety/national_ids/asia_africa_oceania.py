"""National numbers of Asia, Africa and Oceania."""

from __future__ import annotations

from ingot.safety.checksums import luhn, mod_11_2, verhoeff, weighted
from ingot.safety.national_ids.rule import Rule, is_day, is_short_day

_NRIC = {"S": ("JZIHGFEDCBA", 0), "T": ("JZIHGFEDCBA", 4), "F": ("XWUTRQPNMLK", 0), "G": ("XWUTRQPNMLK", 4)}


def cn_resident_id(number: str) -> bool:
    """Resident identity number: GB 11643-1999, birth date and ISO 7064 MOD 11-2."""
    is_born = is_day(int(number[6:10]), int(number[10:12]), int(number[12:14])) and "1850" < number[6:10] < "2100"
    return is_born and mod_11_2(number)


def in_aadhaar(number: str) -> bool:
    """Aadhaar: UIDAI, Verhoeff check, first digit 2 to 9."""
    return number[0] not in "01" and verhoeff(number) and len(set(number)) > 2


def in_pan(number: str) -> bool:
    """Permanent account number: Income Tax Department; the fourth letter is P for a person."""
    return number[3] == "P"


def za_id(number: str) -> bool:
    """Identity number: Department of Home Affairs, birth date, citizenship digit and Luhn check."""
    return is_short_day(number[:2], number[2:4], number[4:6]) and number[10] in "012" and luhn(number)


def kr_rrn(number: str) -> bool:
    """Resident registration number: Resident Registration Act, birth date and modulus 11 (given until October 2020)."""
    check = (11 - weighted(number[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    return is_short_day(number[:2], number[2:4], number[4:6]) and check == int(number[12])


def jp_my_number(number: str) -> bool:
    """Individual Number: ordinance 85/2014 of the Ministry of Internal Affairs, modulus 11."""
    remainder = weighted(number[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if remainder <= 1 else 11 - remainder) == int(number[11])


def sg_nric(number: str) -> bool:
    """NRIC and FIN: Immigration and Checkpoints Authority, weights 2765432 modulo 11, a letter by series."""
    letters, offset = _NRIC[number[0]]
    return letters[(weighted(number[1:8], (2, 7, 6, 5, 4, 3, 2)) + offset) % 11] == number[8]


def tw_national_id(number: str) -> bool:
    """National identification number: Ministry of the Interior, the letter counts as two digits, modulus 10."""
    value = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0]) + 10
    return (value // 10 + value % 10 * 9 + weighted(number[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def il_id(number: str) -> bool:
    """Teudat zehut: Population Authority, Luhn check of nine digits."""
    return luhn(number) and int(number) > 0


def th_national_id(number: str) -> bool:
    """National ID: Department of Provincial Administration, modulus 11 with weights 13 to 2."""
    return number[0] != "0" and (11 - weighted(number[:12], range(13, 1, -1)) % 11) % 10 == int(number[12])


def au_tfn(number: str) -> bool:
    """Tax file number: Australian Taxation Office, weights 1 4 3 7 5 8 6 9 10 modulo 11."""
    return weighted(number, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def au_medicare(number: str) -> bool:
    """Medicare card number: Services Australia, weights 1 3 7 9 1 3 7 9 modulo 10."""
    return weighted(number[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(number[8])


RULES = (
    Rule(
        "cn_resident_id",
        "CN",
        r"[1-8]\d{16}[\dXx]",
        cn_resident_id,
        ("身份证", "公民身份号码", "resident identity"),
        0.95,
    ),
    Rule(
        "in_aadhaar", "IN", r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}", in_aadhaar, ("aadhaar", "aadhar", "uidai", "आधार"), 0.5
    ),
    Rule("in_pan", "IN", r"[A-Z]{5}\d{4}[A-Z]", in_pan, ("pan", "permanent account"), 0.6),
    Rule(
        "za_id",
        "ZA",
        r"\d{13}|\d{6} \d{4} \d{3}",
        za_id,
        ("id number", "identity number", "south african id", "id no"),
        0.7,
    ),
    Rule("kr_rrn", "KR", r"\d{6}-?\d{7}", kr_rrn, ("주민등록번호", "resident registration", "rrn"), 0.7),
    Rule(
        "jp_my_number", "JP", r"\d{4}[ -]?\d{4}[ -]?\d{4}", jp_my_number, ("マイナンバー", "個人番号", "my number"), 0.0
    ),
    Rule("sg_nric", "SG", r"[STFG]\d{7}[A-Z]", sg_nric, ("nric", "fin"), 0.9),
    Rule("tw_national_id", "TW", r"[A-Z][12]\d{8}", tw_national_id, ("身分證", "national id"), 0.6),
    Rule("il_id", "IL", r"\d{8}-?\d", il_id, ("teudat zehut", "תעודת זהות", "ת.ז"), 0.0),
    Rule(
        "th_national_id",
        "TH",
        r"\d[ -]?\d{4}[ -]?\d{5}[ -]?\d{2}[ -]?\d",
        th_national_id,
        ("บัตรประชาชน", "national id", "citizen id"),
        0.5,
    ),
    Rule("au_tfn", "AU", r"\d{3} ?\d{3} ?\d{3}", au_tfn, ("tfn", "tax file"), 0.0),
    Rule("au_medicare", "AU", r"[2-6]\d{3} ?\d{5} ?\d(?:[ /-]?\d)?", au_medicare, ("medicare",), 0.0),
)
