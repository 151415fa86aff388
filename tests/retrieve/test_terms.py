"""Terms do not care about case and endings, and scripts without spaces are found by pairs of letters."""

from __future__ import annotations

import pytest

from ingot.retrieve.terms import PREFIX_LETTERS, check, terms


def found(text: str) -> set[int]:
    return set(terms(text.encode()).tolist())


def by_hand(text: str) -> list[str]:
    """Return terms as words, made without compiled code: what `terms` should tell apart and what not."""
    made = []
    for word in "".join(letter if letter.isalnum() else " " for letter in text.lower()).split():
        made += [word, f"{word[:PREFIX_LETTERS]}*"] if len(word) >= PREFIX_LETTERS else [word]
    return made


@pytest.mark.parametrize(
    "text",
    ["The tenant's tenants: TENANCY!", "Ärztinnen und Ärzte, 24 Stunden", "lease LEASES leasing", "Привет приветы", ""],
)
def test_terms_are_the_words_and_their_first_letters(text: str) -> None:
    one, other = terms(text.encode()).tolist(), by_hand(text)
    assert len(one) == len(other)
    assert len(set(one)) == len(set(other))
    # Equal at the same places: the same words, hashed.
    assert [one.index(each) for each in one] == [other.index(each) for each in other]


def test_words_of_one_family_share_their_beginning() -> None:
    assert len(found("treatment") & found("treatments")) == 1
    assert not found("treat") & found("threat")
    assert not found("rent") & found("rental")  # four letters are a word and no family


def test_letters_without_spaces_are_found_alone_and_in_pairs() -> None:
    assert len(found("病院")) == 3
    assert found("病院") < found("大病院です")
    assert len(found("病院") & found("病 院")) == 2  # a space parts them


def test_the_check_changes_with_the_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    before = check()
    monkeypatch.setattr("ingot.retrieve.terms.PREFIX_LETTERS", 4)
    assert check() != before
