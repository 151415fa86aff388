"""Each rule of FineWeb refuses what it was made for."""

from __future__ import annotations

import pytest

from ingot.data.batch import of_texts
from ingot.data.filters.fineweb import Config, annotate

PROSE = "".join(f"This is line number {number}, and it is long enough.\n" for number in range(10))
REFUSED = {
    "empty": " \n \n",
    "few_ended_lines": PROSE.replace(".", ""),
    "short_lines": "Short.\nAnother one.\nAnd a third.\n",
    "duplicate_lines": PROSE + PROSE[: PROSE.index("\n") + 1],
    "list": "One long line, which ends like a sentence.\n\n\n\n\n",
}


def reasons(texts: list[str], config: Config | None = None) -> list[str | None]:
    """Return the reasons the filter gives."""
    by_column = {annotation.column: annotation for annotation in annotate(of_texts(texts), config or Config())}
    return list(by_column["fineweb_reason"].values)


@pytest.mark.parametrize("reason", REFUSED)
def test_what_a_rule_refuses(reason: str) -> None:
    assert reasons([REFUSED[reason], PROSE]) == [reason, None]


def test_the_thresholds_are_the_recipes() -> None:
    assert reasons([REFUSED["short_lines"]], Config(most_short_lines=1, most_newlines_per_word=1)) == [None]
