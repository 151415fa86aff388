"""Numbers of personal documents without a check digit: driving licences, passports, insurance cards and others.

They count where the text says what they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text

_VALUE = r"((?:[A-Z]{1,3}[ -]?)?[0-9][0-9A-Z]{0,4}(?:[ -]?[0-9A-Z]{1,5}){1,6}|[A-Z]{1,3}[0-9]{5,17})"
_DOCUMENT = (
    r"(?:driver'?s?'?|driver’s|driving) licen[cs]e|passport|identity card|id card|(?:personal)?ausweis(?:nummer)?|"
    r"reisepass(?:nummer)?|führerschein(?:nummer)?|passeport|permis de conduire|carte d'identité|pasaporte|"
    r"carnet de conducir|carta d'identità|passaporto|patente|rijbewijs|paspoort|passnummer|körkort|health insurance|"
    r"krankenversicherten(?:nummer)?|member id|medical record|mrn|patient id|patient number|visa number|green card|"
    r"licen[cs]e plate|kennzeichen|account number|bank account|routing number|kontonummer|sort code"
)
_TOLD = Pattern(
    rf"(?i:\b({_DOCUMENT}))"
    r"(?i:\s{0,2}(?:number|no\.?|nr\.?|num\.?|#|n°|nummer|numéro|número|numero))?"
    r"(?i:\s{0,2}(?::|#|is|was|ist|=))?[\s\"']{1,4}" + _VALUE
)
_FEWEST_DIGITS = 4


@dataclass(frozen=True)
class Config:
    """Settings of the document number detector: the fewest digits of a number."""

    TYPES: ClassVar[tuple[str, ...]] = ("document_number",)
    TRIGGER: ClassVar[str] = rf"(?i:{_DOCUMENT})"

    fewest_digits: int = _FEWEST_DIGITS


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the numbers that a text calls those of a document or an account."""
    whole = Text.of(text)
    for _, _, (start, end) in _TOLD.groups(whole):
        if not whole[end : end + 1].isalnum() and sum(map(str.isdigit, whole[start:end])) >= config.fewest_digits:
            yield Finding(start, end, "document_number", "document_number", 0.75)
