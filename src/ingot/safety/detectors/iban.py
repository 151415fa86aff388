"""International bank account numbers: per-country length and MOD 97-10 check (ISO 13616-1, SWIFT IBAN registry)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety.accounts import LENGTH_OF, is_iban
from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text

_BEGINNING = Pattern(r"[A-Z]{2}[0-9]{2}[ -]?[A-Z0-9]{4}[ -]?[A-Z0-9]{3}", ignore_case=True)


@dataclass(frozen=True)
class Config:
    """Settings of the IBAN detector: whether small letters are taken too."""

    TYPES: ClassVar[tuple[str, ...]] = ("iban",)
    TRIGGER: ClassVar[str] = r"[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]"

    small_letters: bool = True


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the account numbers of a text whose length and check are right, in groups or in one piece."""
    whole = Text.of(text)
    for start, _ in _BEGINNING.spans(whole):
        end = _end(whole, start, LENGTH_OF.get(whole[start : start + 2].upper(), 0))
        account = whole[start:end].replace(" ", "").replace("-", "")
        if end and (config.small_letters or account.isupper()) and is_iban(account):
            yield Finding(start, end, "iban", "iban", 0.99)


def _end(text: str, start: int, length: int) -> int:
    """Return where `length` letters and digits from `start` end, single spaces and hyphens skipped; 0 for nowhere."""
    if not length or (start and text[start - 1].isalnum()):
        return 0
    place, seen = start, 0
    while place < len(text) and seen < length:
        if text[place].isalnum():
            seen += 1
        elif text[place] not in " -" or text[place - 1] in " -":
            return 0
        place += 1
    is_whole = seen == length and not text[place : place + 1].isalnum()
    return place if is_whole else 0
