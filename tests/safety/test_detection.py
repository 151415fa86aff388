from __future__ import annotations

import pytest

from ingot.core.errors import UsageError
from ingot.safety import detection
from ingot.safety.detection import detectors, find, find_all, known_types
from ingot.safety.finding import without_overlaps
from ingot.safety.policy import Policy

CHOSEN = detectors()
LETTER = """Dear Ms. Brandt,

please pay 40 euros to DE89 3704 0044 0532 0130 00 or call +49 30 1234567.

Kind regards,
Tadashi Oyelaran
Kirchstraße 5, 10115 Berlin
tadashi@example.org
"""
CLEAN = [
    "The Purchaser shall pay the Purchase Price within thirty (30) days after the Closing Date, as defined in Section "
    "4.2 of this Agreement. Neither Party may assign its rights without the prior written consent of the other Party. "
    "This Agreement is governed by the laws of the State in which the Premises are located.",
    "def mean(values: list[float]) -> float:\n    total = 0.0\n    for index in range(len(values)):\n"
    "        total += values[index]  # raises IndexError never\n    return total / max(1, len(values))\n",
    "Taken by mouth twice a day, the tablets lower blood pressure within 2 to 4 weeks. Adults older than 65 years "
    "should begin with 5 mg. Do not stop taking them without asking your doctor; 1 of 1,000 patients had a rash.",
    "§ 4 Fristen. (1) Die Frist beginnt mit der Zustellung des Bescheides nach § 12 Absatz 3. Die Behörde hat den "
    "Antrag innerhalb von 14 Tagen zu prüfen und dem Antragsteller das Ergebnis schriftlich mitzuteilen.",
    "| model | loss | tokens |\n| --- | --- | --- |\n| small | 3.4412 | 1048576 |\n| large | 2.9871 | 2097152 |\n",
    "Version 2.10.3 fixes 12 bugs; 4096 bytes are read at offset 0x7ffe0040. See chapter 11, pages 120-134.",
]


def shown(text: str) -> list[tuple[str, str]]:
    policy = Policy()
    decided = policy.decided(find(text, CHOSEN))
    return [(each.finding.type, text[each.finding.start : each.finding.end]) for each in decided]


def test_a_letter_gives_up_all_it_holds() -> None:
    assert shown(LETTER) == [
        ("person", "Brandt"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("phone", "+49 30 1234567"),
        ("person", "Tadashi Oyelaran"),
        ("address", "Kirchstraße 5, 10115 Berlin"),
        ("email", "tadashi@example.org"),
    ]


@pytest.mark.parametrize("text", CLEAN)
def test_clean_prose_of_contracts_code_medicine_and_law_gives_no_alarm(text: str) -> None:
    assert shown(text) == []


def test_a_long_text_is_cut_at_line_ends_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "WINDOW_CHARACTERS", 1000)
    filler = "Nothing is to be found in this line, which is of some length.\n"
    text = "".join(filler * 7 + f"Write to someone{number}@example.org.\n" for number in range(40))
    emails = [each for each in find(text, detectors(types=["email"])) if each.type == "email"]
    assert [text[each.start : each.end] for each in emails] == [f"someone{number}@example.org" for number in range(40)]


def test_a_text_without_line_ends_is_cut_at_spaces_or_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "WINDOW_CHARACTERS", 100)
    spaced = "word " * 50 + "ann@example.org"
    assert find(spaced, detectors(types=["email"]))[-1].end == len(spaced)
    assert find("x" * 1000, detectors(types=["email"])) == []


def test_only_detectors_of_the_wanted_types_are_chosen() -> None:
    chosen = [each.plugin.name for each in detectors(types=["email", "secret"])]
    assert chosen == ["email", "secret", "web_address"]
    assert len(detectors()) > len(detectors(types=Policy().wanted))
    assert {"email", "date_of_birth", "secret.url", "secret", "user"} <= set(known_types())


def test_options_reach_their_detector_and_wrong_ones_are_refused() -> None:
    chosen = detectors({"age": {"youngest": 16}}, types=["age"])
    assert chosen[0].config.youngest == 16
    with pytest.raises(UsageError, match="no detector named 'agee'") as caught:
        detectors({"agee": {}})
    assert "'age'" in caught.value.fix
    with pytest.raises(UsageError, match="unknown option 'yungest'"):
        detectors({"age": {"yungest": 16}})


def test_texts_do_not_know_of_one_another() -> None:
    texts = ["Ms. Zofia Brzezkova", "Nobody knew Brzezkova.", LETTER]
    chosen = detectors()
    assert list(find_all(texts, chosen)) == [find(text, chosen) for text in texts]
    assert not any(each.type == "person" and each.confidence >= 0.8 for each in find(texts[1], chosen))


def test_findings_hold_no_text() -> None:
    findings = without_overlaps(find(LETTER, CHOSEN))
    assert findings
    assert not any("Oyelaran" in repr(each) or "example.org" in repr(each) for each in findings)
