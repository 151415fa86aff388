from __future__ import annotations

import pytest

from ingot.data.report.masking import masked, masked_name, shape


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mail to ada.king@example.com now.", "Mail to [email] now."),
        ("Pay with 4111 1111 1111 1111 here.", "Pay with [payment_card] here."),
        ("The iban is DE89 3704 0044 0532 0130 00.", "The iban is [iban]."),
        ("It was built in Paris, in spring.", "It was built in Paris, in spring."),
        ("", ""),
    ],
)
def test_what_identifies_somebody_gives_way_to_its_type(text: str, expected: str) -> None:
    assert masked(text) == expected


def test_findings_that_overlap_leave_nothing_over() -> None:
    text = "Dear Anna Schmidt, 12 Baker Street, London: call +49 30 1234567 or anna.schmidt@example.com"
    shown = masked(text)
    for piece in ("Anna", "Schmidt", "schmidt", "1234567"):
        assert piece not in shown


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mail/ada.king@example.com/inbox/1.eml", "mail/[email]/inbox/1.eml"),
        ("cards/4111111111111111.pdf", "cards/[payment_card].pdf"),
        ("reports/2024-05-01/20240501-123456.txt", "reports/2024-05-01/20240501-123456.txt"),
        ("letters/To John Smith.pdf", "letters/To [person].pdf"),
        ("all.zip!/notes.txt", "all.zip!/notes.txt"),
    ],
)
def test_names_of_files_are_masked_where_it_is_sure(name: str, expected: str) -> None:
    assert masked_name(name) == expected


def test_a_shape_tells_neither_letters_nor_their_number() -> None:
    assert shape("ada@example.com") == shape("grace@navy.mil") == "•••@•••.•••"
    assert shape("Zoë") == "•••"
