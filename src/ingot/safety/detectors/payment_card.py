"""Payment card numbers: Luhn check (ISO/IEC 7812-1) and the ranges and lengths that issuers use.

A number of a known range is enough; one of an unknown range counts when the text speaks of a card.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety.checksums import luhn
from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text, any_word

_NUMBER = Pattern(r"[0-9](?:[ -]?[0-9]){11,18}")
# First digits from and to, and the lengths: the networks' public documents (Visa, Mastercard, American Express,
# Diners Club, Discover, JCB, UnionPay, Maestro, Mir, RuPay, Verve, Troy, Elo, Dankort, UATP).
_RANGES: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("4", "4", (13, 16, 18, 19)),
    ("51", "55", (16,)),
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),
    ("37", "37", (15,)),
    ("300", "305", (14, 16)),
    ("3095", "3095", (14, 16)),
    ("36", "36", (14, 16, 19)),
    ("38", "39", (14, 16, 19)),
    ("6011", "6011", (16, 19)),
    ("622126", "622925", (16, 17, 18, 19)),
    ("644", "649", (16, 19)),
    ("65", "65", (16, 19)),
    ("3528", "3589", (16, 17, 18, 19)),
    ("1800", "1800", (15,)),
    ("2131", "2131", (15,)),
    ("62", "62", (16, 17, 18, 19)),
    ("8100", "8171", (16, 17, 18, 19)),
    ("5018", "5018", tuple(range(12, 20))),
    ("5020", "5020", tuple(range(12, 20))),
    ("5038", "5038", tuple(range(12, 20))),
    ("5043", "5043", tuple(range(12, 20))),
    ("56", "58", tuple(range(12, 20))),
    ("6304", "6304", tuple(range(12, 20))),
    ("6390", "6390", tuple(range(12, 20))),
    ("67", "67", tuple(range(12, 20))),
    ("2200", "2204", (16, 17, 18, 19)),
    ("60", "60", (16,)),
    ("508", "508", (16,)),
    ("5060", "5061", (16, 19)),
    ("9792", "9792", (16,)),
    ("636368", "636369", (16,)),
    ("1", "1", (15,)),
)
_SPEAKS_OF_CARDS = any_word(
    (
        *("card", "cards", "card number", "credit", "debit", "cc", "visa", "mastercard", "maestro", "amex", "discover"),
        *("american express", "diners", "jcb", "unionpay", "karte", "kreditkarte", "kartennummer", "carte", "carta"),
        *("tarjeta", "cartao", "cartão", "kaart", "kort", "kortnummer", "karta", "pan", "cvv", "cvc"),
    )
)
_REACH = 80


@dataclass(frozen=True)
class Config:
    """Settings of the payment card detector: whether a number of no known issuer counts where cards are spoken of."""

    TYPES: ClassVar[tuple[str, ...]] = ("payment_card",)
    TRIGGER: ClassVar[str] = r"[0-9](?:[ -]?[0-9]){11}"

    unknown_issuers: bool = True


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the card numbers of a text, in groups or in one piece."""
    whole = Text.of(text)
    for start, end in _NUMBER.spans(whole):
        digits = whole[start:end].replace(" ", "").replace("-", "")
        if _stands_alone(whole, start, end) and len(set(digits)) > 1 and luhn(digits):
            spoken = _SPEAKS_OF_CARDS.search(whole[max(0, start - _REACH) : end + _REACH]) is not None
            if has_issuer(digits):
                yield Finding(start, end, "payment_card", "payment_card", 0.98 if spoken else 0.8)
            elif spoken and config.unknown_issuers:
                yield Finding(start, end, "payment_card", "payment_card", 0.7)


def has_issuer(digits: str) -> bool:
    """Return whether an issuer gives numbers that begin so and are so long."""
    return any(low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in _RANGES)


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return not (before.isalnum() or (before in ("_", ".", ",") and before)) and not after.isalnum() and after != "_"
