"""National numbers of the Americas."""

from __future__ import annotations

from ingot.safety.checksums import luhn, weighted
from ingot.safety.national_ids.rule import Rule, is_short_day

_CURP_MARKS = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


def us_ssn(number: str) -> bool:
    """Social Security number: SSA, areas, groups and serials that are never given; famous printed examples."""
    never = number[:3] in ("000", "666") or number[0] == "9" or number[3:5] == "00" or number[5:] == "0000"
    return not never and number not in ("078051120", "219099999", "123456789")


def us_itin(number: str) -> bool:
    """Individual Taxpayer Identification Number: IRS Publication 1915, a first 9, ranges of the fourth and fifth."""
    group = int(number[3:5])
    return number[0] == "9" and (50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99)


def ca_sin(number: str) -> bool:
    """Social Insurance Number: Service Canada, Luhn check, first digit not 0 or 8."""
    return number[0] not in "08" and luhn(number)


def br_cpf(number: str) -> bool:
    """CPF: Receita Federal, two modulus 11 checks."""
    first = weighted(number, range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(number, range(11, 1, -1)) * 10 % 11 % 10
    return len(set(number)) > 1 and number[9:] == f"{first}{second}"


def mx_curp(number: str) -> bool:
    """CURP: RENAPO, birth date and check digit by weights 18 to 2 modulo 10."""
    total = sum(_CURP_MARKS.index(mark) * (18 - place) for place, mark in enumerate(number[:17]))
    return is_short_day(number[4:6], number[6:8], number[8:10]) and (10 - total % 10) % 10 == int(number[17])


def cl_rut(number: str) -> bool:
    """RUT: Servicio de Impuestos Internos, modulus 11 with weights 2 to 7, K for ten."""
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(number[:-1])))
    return "0123456789K0"[11 - total % 11] == number[-1]


def ar_cuil(number: str) -> bool:
    """CUIL: ANSES, modulus 11; 20, 23, 24 and 27 belong to persons."""
    check = 11 - weighted(number[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return number[:2] in ("20", "23", "24", "27") and (0 if check == 11 else check) == int(number[10])


RULES = (
    Rule(
        "us_ssn",
        "US",
        r"\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4}|\d{9}",
        us_ssn,
        ("ssn", "ssns", "social security", "ss#", "social sec"),
        0.0,
    ),
    Rule("us_itin", "US", r"9\d{2}[- ]\d{2}[- ]\d{4}", us_itin, ("itin", "taxpayer identification"), 0.55),
    Rule(
        "ca_sin",
        "CA",
        r"\d{3}[ -]?\d{3}[ -]?\d{3}",
        ca_sin,
        ("social insurance", "sin", "nas", "assurance sociale"),
        0.0,
    ),
    Rule("br_cpf", "BR", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", br_cpf, ("cpf", "cadastro de pessoas"), 0.5),
    Rule("mx_curp", "MX", r"[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d", mx_curp, ("curp",), 0.97),
    Rule("cl_rut", "CL", r"\d{1,2}\.?\d{3}\.?\d{3}-[0-9Kk]", cl_rut, ("rut", "run", "rol único"), 0.7),
    Rule("ar_cuil", "AR", r"\d{2}-?\d{8}-?\d", ar_cuil, ("cuil", "cuit"), 0.5),
)
