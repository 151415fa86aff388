from __future__ import annotations

import pytest

from tests.safety.detectors.found import found


@pytest.mark.parametrize(
    ("text", "kind", "number"),
    [
        ("SSN 536-90-4399", "us_ssn", "536-90-4399"),
        ("her social security number is 536904399", "us_ssn", "536904399"),
        ("NI number AB 12 34 56 C.", "uk_nino", "AB 12 34 56 C"),
        ("BSN: 111222333", "nl_bsn", "111222333"),
        ("IdNr. 86 095 742 719", "de_steuer_id", "86 095 742 719"),
        ("C.F. RSSMRA85T10A562S", "it_codice_fiscale", "RSSMRA85T10A562S"),
        ("CPF 529.982.247-25", "br_cpf", "529.982.247-25"),
        ("Aadhaar 2341 2341 2346", "in_aadhaar", "2341 2341 2346"),
        ("131052-308T", "fi_hetu", "131052-308T"),
    ],
)
def test_numbers_are_found_with_their_kind(text: str, kind: str, number: str) -> None:
    assert found("national_id", text) == [(f"national_id.{kind}", number)]


@pytest.mark.parametrize(
    "text", ["order 111222333", "part 123456782", "call 943 476 5919", "x536-90-4399", "536-90-43991"]
)
def test_a_number_that_may_be_anything_needs_its_word(text: str) -> None:
    assert found("national_id", text) == []


def test_two_numbers_side_by_side_are_found() -> None:
    text = "PESEL 44051401359 02070803628"
    assert [number for _, number in found("national_id", text)] == ["44051401359", "02070803628"]


def test_countries_can_be_chosen() -> None:
    text = "CPF 529.982.247-25, SSN 536-90-4399"
    assert found("national_id", text, countries=("BR",)) == [("national_id.br_cpf", "529.982.247-25")]
    assert found("national_id", text, countries=("FI",)) == []
