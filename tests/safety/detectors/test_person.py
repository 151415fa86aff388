from __future__ import annotations

import pytest

from tests.safety.detectors.found import words


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My name is Zofia Brandt.", "Zofia Brandt"),
        ("my name is zofia", "zofia"),
        ("Dear Mr. Okonjo-Brandt,", "Okonjo-Brandt"),
        ("Sehr geehrte Frau Lüttich, wir", "Lüttich"),
        ("Hello Zofia, how are you?", "Zofia"),
        ("Kind regards,\nZofia Brandt", "Zofia Brandt"),
        ("Name: Tadashi Oyelaran", "Tadashi Oyelaran"),
        ("It was written by Ludwig van der Heide in 1990", "Ludwig van der Heide"),
        ("J. R. Hartley wrote it", "J. R. Hartley"),
        ("we asked Mark Young about it", "Mark Young"),
        ('"No," said Brzezinski.', "Brzezinski"),
        ("Zofia's garden", "Zofia"),
        ("Patient: Elif Kaya, aged 40", "Elif Kaya"),
        ("je m'appelle Apolline", "Apolline"),
    ],
)
def test_names_are_found_by_context_and_form(text: str, name: str) -> None:
    assert words("person", text) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "The Purchaser shall pay the Purchase Price to the Seller.",
        "Will the tenant pay? May I ask?",
        "raise KeyError or ValueError",
        "non-Hodgkin lymphoma and Burkitt lymphoma",
        "Ibuprofen is a drug that is used against pain.",
        "in Berlin and New York",
        "Anna Street is closed",
        "Der Käufer zahlt den Preis nach der Frist an den Verkäufer, wie es das Gesetz und der Vertrag sagen.",
        "The Smith Company, Inc. agrees",
        "CHAPTER III. GENERAL PROVISIONS",
    ],
)
def test_what_is_no_person_is_left(text: str) -> None:
    assert words("person", text) == []


def test_a_sure_name_is_found_again() -> None:
    text = "Ms. Zofia Brzezkova came late. Nobody knew Brzezkova there."
    assert words("person", text) == ["Zofia Brzezkova", "Brzezkova"]
    assert words("person", text, repeats=False) == ["Zofia Brzezkova"]


def test_a_list_lends_certainty() -> None:
    assert words("person", "Thanks to Zofia, Halvorsen and Petrescu for it.") == ["Zofia", "Halvorsen", "Petrescu"]
