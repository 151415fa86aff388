"""National numbers of Central and Eastern Europe and Türkiye."""

from __future__ import annotations

from ingot.safety.checksums import mod_11_10, weighted
from ingot.safety.national_ids.rule import Rule, is_short_day


def pl_pesel(number: str) -> bool:
    """PESEL: act of 24 September 2010, weights 1 3 7 9; the century is added to the month."""
    is_born = is_short_day(number[:2], str(int(number[2:4]) % 20), number[4:6])
    return is_born and weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def cz_sk_birth_number(number: str) -> bool:
    """Rodné číslo since 1954: act 133/2000 Sb., divisible by eleven; women add 50 to the month, overflow adds 20."""
    month = int(number[2:4]) % 50
    is_born = is_short_day(number[:2], str(month - 20 if month > 20 else month), number[4:6])
    check = int(number[:9]) % 11 % 10
    return is_born and check == int(number[9])


def hr_oib(number: str) -> bool:
    """Osobni identifikacijski broj: OIB act (NN 60/08), ISO 7064 MOD 11,10."""
    return mod_11_10(number)


def ex_yugoslav_emso(number: str) -> bool:
    """EMŠO, JMBG: birth date with three digits of the year, modulus 11."""
    check = 11 - weighted(number[:12], (7, 6, 5, 4, 3, 2) * 2) % 11
    is_born = is_short_day(number[5:7], number[2:4], number[:2]) and number[4] in "890"
    return is_born and (check if check < 10 else 0) == int(number[12]) and check != 10


def ro_cnp(number: str) -> bool:
    """Cod numeric personal: O.U.G. 97/2005, weights 279146358279 modulo 11, ten becoming one."""
    check = weighted(number[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return (
        number[0] != "0"
        and is_short_day(number[1:3], number[3:5], number[5:7])
        and check % 10 + check // 10 == int(number[12])
    )


def bg_egn(number: str) -> bool:
    """EGN: GRAO, birth date (months plus 20 or 40 by century) and powers of two modulo 11."""
    is_born = is_short_day(number[:2], str(int(number[2:4]) % 20), number[4:6])
    return is_born and weighted(number[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(number[9])


def hu_taj(number: str) -> bool:
    """TAJ: act LXXX of 1997, weights 3 and 7 in turn modulo 10."""
    return weighted(number[:8], (3, 7) * 4) % 10 == int(number[8])


def ua_rnokpp(number: str) -> bool:
    """RNOKPP: order 822 of the Ministry of Finance, weights modulo 11 modulo 10."""
    return weighted(number[:9], (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10 == int(number[9])


def tr_kimlik(number: str) -> bool:
    """T.C. kimlik numarası: Nüfus ve Vatandaşlık İşleri, two checks of sums of odd and even places."""
    digits = [int(digit) for digit in number]
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    return digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


RULES = (
    Rule("pl_pesel", "PL", r"\d{11}", pl_pesel, ("pesel",), 0.6),
    Rule(
        "cz_sk_birth_number",
        "CZ",
        r"\d{6}/?\d{4}",
        cz_sk_birth_number,
        ("rodné číslo", "rodne cislo", "r.č.", "rč", "birth number"),
        0.5,
    ),
    Rule("hr_oib", "HR", r"\d{11}", hr_oib, ("oib", "osobni identifikacijski broj"), 0.0),
    Rule("ex_yugoslav_emso", "SI", r"\d{13}", ex_yugoslav_emso, ("emšo", "emso", "jmbg", "matični broj"), 0.7),
    Rule("ro_cnp", "RO", r"[1-9]\d{12}", ro_cnp, ("cnp", "cod numeric personal"), 0.75),
    Rule("bg_egn", "BG", r"\d{10}", bg_egn, ("егн", "egn", "единен граждански номер"), 0.35),
    Rule(
        "hu_taj",
        "HU",
        r"\d{3}[ -]?\d{3}[ -]?\d{3}",
        hu_taj,
        ("taj", "taj-szám", "taj szám", "társadalombiztosítási"),
        0.0,
    ),
    Rule("ua_rnokpp", "UA", r"\d{10}", ua_rnokpp, ("рнокпп", "іпн", "инн", "rnokpp", "ipn"), 0.0),
    Rule("tr_kimlik", "TR", r"[1-9]\d{10}", tr_kimlik, ("kimlik", "tckn", "t.c.", "tc no"), 0.65),
)
