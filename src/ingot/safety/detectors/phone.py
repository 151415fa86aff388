"""Telephone numbers: international (ITU-T E.164, E.123) and as people in many countries write them.

A country code or a grouping that only telephone numbers have is enough; a bare row of digits counts where the text
speaks of calling. Country codes: ITU-T E.164 assignments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text, any_word
from ingot.safety.wordlists import listed

_NUMBER = Pattern(
    (
        r"(?:\+|\(\+?)?[0-9][0-9 \x{a0}().\x{2011}\x{2013}/-]{4,24}[0-9](?: ?(?:x|ext\.? ?|extension |durchwahl |"
        r"-DW ?)[0-9]{1,6})?"
    ),
    ignore_case=True,
)
_COUNTRY_CODES = frozenset(
    listed(
        "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66",
        "81 82 84 86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232",
        "233 234 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258",
        "260 261 262 263 264 265 266 267 268 269 290 291 297 298 299 350 351 352 353 354 355 356 357 358 359 370",
        "371 372 373 374 375 376 377 378 380 381 382 383 385 386 387 389 420 421 423 500 501 502 503 504 505 506",
        "507 508 509 590 591 592 593 594 595 596 597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683",
        "685 686 687 688 689 690 691 692 800 808 850 852 853 855 856 870 878 880 881 882 883 886 888 960 961 962",
        "963 964 965 966 967 968 970 971 972 973 974 975 976 977 979 992 993 994 995 996 998",
    )
)
# Ways of writing that hardly anything but a telephone number has, with the confidence each deserves.
_SHAPES: tuple[tuple[re.Pattern[str], float], ...] = (
    (re.compile(r"\([2-9]\d\d\) ?\d{3}[-. ]\d{4}"), 0.9),  # (212) 555-0142
    (re.compile(r"(?:1[-. ])?[2-9]\d\d([-.])\d{3}\1\d{4}"), 0.8),  # 212-555-0142
    (re.compile(r"\(0\d{1,5}\)[ /-]?\d{2,4}(?:[ -]?\d{2,4}){1,3}"), 0.85),  # (030) 123 456
    (re.compile(r"\(\d{2,3}\) ?\d{4,5}-\d{4}"), 0.85),  # (11) 91234-5678
    (re.compile(r"0\d{1,5}[/-]\d{4,9}(?:-\d{1,4})?"), 0.65),  # 030/1234567
    (re.compile(r"0\d{2,4} \d{3,4} \d{3,4}"), 0.75),  # 020 7946 0958
    (re.compile(r"0\d{3,4} \d{6,7}"), 0.75),  # 01632 960123
    (re.compile(r"0\d{1,3}(?: \d{2,3}){2} \d{2,3}"), 0.75),  # 044 668 18 00
    (re.compile(r"0\d(?:([ .-])\d\d)(?:\1\d\d){3}"), 0.8),  # 01 42 68 53 00
    (re.compile(r"0\d{3} \d\d \d\d \d\d"), 0.75),
    (re.compile(r"[2-9]\d(?:-\d\d){3}"), 0.55),  # 41-22-73-10
)
_SPEAKS_OF_CALLING = any_word(
    (
        *(
            "phone",
            "phones",
            "telephone",
            "tel",
            "tel.",
            "tele",
            "call",
            "calls",
            "called",
            "calling",
            "caller",
            "mobile",
        ),
        *("cell", "cellphone", "cellular", "fax", "faxed", "dial", "dialed", "sms", "text me", "whatsapp", "signal"),
        *("contact", "contact number", "reach", "reached", "ring", "hotline", "helpline", "landline", "desk", "office"),
        *(
            "answering",
            "answer",
            "messages",
            "voicemail",
            "phone number",
            "toll-free",
            "toll free",
            "pager",
            "ph",
            "mob",
        ),
        *(
            "telefon",
            "telefonnummer",
            "telefonisch",
            "handy",
            "handynummer",
            "mobil",
            "mobilnummer",
            "festnetz",
            "anruf",
        ),
        *("anrufen", "durchwahl", "rufnummer", "téléphone", "telephone", "portable", "appeler", "teléfono", "telefono"),
        *("móvil", "movil", "celular", "telefone", "telemóvel", "cellulare", "chiamare", "telefoon", "telefoonnummer"),
        *("mobiel", "gsm", "bellen", "telefonnr", "tlf", "tlf.", "puh", "puh.", "puhelin", "numer telefonu", "komórka"),
        *("telefonszám", "sími", "τηλ", "τηλέφωνο", "тел", "телефон"),
    )
)
_SPEAKS_OF_ELSE = re.compile(
    r"(?:account|acct|card|cards|invoice|order|ref(?:erence)?|case|file|isbn|issn|serial|policy|contract|"
    r"ticket|zip|postal code|"
    r"postcode|version|ssn|social security|passport|licen[cs]e|patent|iban|pin|no\.? of|kontonummer|"
    r"rechnung\w*|bestell\w*|az|"
    r"aktenzeichen|steuer\w*|id|pmid|doi|sec file|commission file|registration|vat|ein|cik|cusip)"
    r"(?: (?:number|no|nr|num|code|id))?[.:#]?\s*(?:is|are|was|ist|lautet)?\s*[#:]?\s*$",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ]\d{1,2}.*|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)\d\d.*|(?:1[5-9]|"
    r"20)\d\d ?[-–/] ?(?:(?:1[5-9]|20)\d\d|\d\d)|"
    r"(?:0?[1-9]|1[0-2])/(?:19|20)\d\d|\+?\d+\.\d{1,2}"
)
_AMOUNT_BEFORE, _AMOUNT_AFTER = "$€£¥#=_@%§~^<>", "%€£$°"
_REACH = 48


@dataclass(frozen=True)
class Config:
    """Settings of the telephone detector: the fewest digits of a number known by its context alone."""

    TYPES: ClassVar[tuple[str, ...]] = ("phone",)
    TRIGGER: ClassVar[str] = r"[0-9][0-9 \x{a0}().\x{2011}\x{2013}/-]{4}"

    least_digits: int = 6


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the telephone numbers of a text."""
    whole = Text.of(text)
    for start, end in _NUMBER.spans(whole):
        for first, last in _pieces(whole, start, end):
            confidence = _confidence(whole, first, last, config)
            if confidence:
                yield Finding(first, last, "phone", "phone", confidence)


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut what may be several numbers: two spaces part them, and so does a bracket that does not belong."""
    row = text[start:end]
    place = 0
    for part in re.split(r"\s{2,}|[ ]/[ ]|\)[ ]?\)|(?<=\d)\s\((?=0?\d{2,5}\)\s)|(?<=\d{4})[ ]-[ ]", row):
        where = row.index(part, place)
        place = where + len(part)
        trimmed = part.strip(" .-/\u00a0)–")
        if part and not (trimmed.count("(") - trimmed.count(")")):
            first = start + where + part.index(trimmed)
            yield first, first + len(trimmed)


def _confidence(text: Text, start: int, end: int, config: Config) -> float:
    number = text[start:end]
    body = re.split(r"(?i) ?(?:x|ext|extension|durchwahl|-dw)", number)[0]
    digits = re.sub(r"\D", "", body)
    if (
        not 6 <= len(digits) <= 16
        or not _stands_alone(text, start, end)
        or _DATE.fullmatch(body)
        or len(set(digits)) < 3
    ):
        return 0.0
    before, after = text[max(0, start - _REACH) : start], text[end : end + _REACH // 2]
    if number.lstrip("(").startswith("+"):
        return 0.95 if _has_country(digits) and len(digits) >= 8 else 0.0
    if _SPEAKS_OF_ELSE.search(before):
        return 0.0
    spoken = _SPEAKS_OF_CALLING.search(before) or _SPEAKS_OF_CALLING.search(after.partition("\n")[0])
    shape = max((sure for written, sure in _SHAPES if written.fullmatch(body)), default=0.0)
    if spoken and _is_plain(body) and len(digits) >= config.least_digits:
        return max(0.9, shape)
    if digits.startswith("00") and _has_country(digits[2:]) and 10 <= len(digits) <= 15 and not body.isdigit():
        return 0.75
    return max(shape, _grouped(text, start, body, digits))


def _has_country(digits: str) -> bool:
    return any(digits[:length] in _COUNTRY_CODES for length in (1, 2, 3))


def _is_plain(body: str) -> bool:
    """Say whether the digits stand in groups that people make, not in a table of single digits."""
    groups = re.findall(r"\d+", body)
    return sum(len(group) == 1 for group in groups) <= 2 and not re.search(r"\d[.,]\d\b", body[-4:])


def _grouped(text: Text, start: int, body: str, digits: str) -> float:
    """Return the confidence of a row that is grouped like a number and stands alone on its line."""
    line = text[text.rfind("\n", 0, start) + 1 : start].strip(" \t>*•|-")
    groups = re.findall(r"\d+", body)
    even = len(groups) >= 2 and all(2 <= len(group) <= 4 for group in groups[1:])
    return 0.55 if not line and even and 7 <= len(digits) <= 12 and digits[0] == "0" else 0.0


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    if (
        before.isalnum()
        or (before and before in _AMOUNT_BEFORE)
        or (before in (".", ",", "-", "/") and text[start - 2 : start - 1].isalnum())
    ):
        return False
    return not after.isalnum() and after not in ("_", "@") and not (after != "" and after in _AMOUNT_AFTER)
