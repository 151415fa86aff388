"""Each rule of Gopher refuses what it was made for; the same texts were given to datatrove's filter."""

from __future__ import annotations

import pytest

from ingot.data.batch import of_texts
from ingot.data.filters.gopher_quality import Config, annotate

SENTENCE = "The tenant shall pay the rent to the landlord on the first day of each month with no delay. "
PROSE = SENTENCE * 4
REFUSED = {
    "too_few_words": SENTENCE,
    "too_many_words": "the of words " * 40_000,
    "short_words": "a b the of " * 30,
    "long_words": "the of " + "extraordinarily unpronounceable " * 40,
    "hashes": PROSE + "#" * 40,
    "ellipses": PROSE + "… " * 20,
    "bullet_lines": "\n".join(f"- {word} then payments and" for word in PROSE.split()),
    "ellipsis_lines": PROSE + "\n" + "more...\n" * 4,
    "few_alphabetic_words": PROSE + "12 34 56 " * 20,
    "few_stop_words": "tenants pay rents every month without delay " * 10,
}


def reasons(texts: list[str], config: Config | None = None) -> list[str | None]:
    """Return the reasons the filter gives."""
    by_column = {annotation.column: annotation for annotation in annotate(of_texts(texts), config or Config())}
    return list(by_column["gopher_quality_reason"].values)


@pytest.mark.parametrize("reason", REFUSED)
def test_what_a_rule_refuses(reason: str) -> None:
    assert reasons([REFUSED[reason], PROSE]) == [reason, None]


def test_the_thresholds_are_the_recipes() -> None:
    assert reasons([SENTENCE], Config(least_words=5)) == [None]
    assert reasons([PROSE], Config(least_stop_words=5)) == ["few_stop_words"]


def test_the_numbers_are_columns() -> None:
    by_column = {annotation.column: annotation.values for annotation in annotate(of_texts([SENTENCE]), Config())}
    assert by_column["words"][0] == 19
    assert by_column["stop_words"][0] == 4
    assert by_column["alphabetic_word_share"][0] == 19 / 20
