"""C4 keeps lines of prose, counts their sentences, and refuses code and filler."""

from __future__ import annotations

import pytest

from ingot.data.batch import of_texts
from ingot.data.filters.c4 import Config, annotate

PROSE = "The first sentence is here. Is the second? It is!\nAnother line has one more. And one more still.\n"


def described(text: str, config: Config | None = None) -> tuple[str | None, float, float]:
    """Return the reason, the lines of prose and their sentences."""
    by_column = {each.column: each.values[0] for each in annotate(of_texts([text]), config or Config())}
    return by_column["c4_reason"], by_column["prose_lines"], by_column["prose_sentences"]


def test_prose_passes() -> None:
    assert described(PROSE) == (None, 2, 5)


@pytest.mark.parametrize(
    "line",
    [
        "Too short.",
        "This line ends without a sign",
        "This one goes on...",
        "Please enable JavaScript for this site.",
        "This site uses cookies to do things.",
        "See our Privacy Policy for more.",
        "A word too long: " + "x" * 1001 + ".",
    ],
)
def test_what_is_no_prose_does_not_count(line: str) -> None:
    assert described(f"{PROSE}{line}\n") == (None, 2, 5)


def test_marks_of_citations_are_taken_out() -> None:
    assert described("It was so in the year 1900.[12]\nIt was.[citation needed] And again it was. [3]\n")[1:] == (1, 1)


def test_what_refuses_a_text() -> None:
    assert described(PROSE + "Lorem Ipsum dolor sit amet.")[0] == "lorem_ipsum"
    assert described(PROSE + "A set is written {a, b} here.")[0] == "curly_bracket"
    assert described(PROSE + "int main() {\n")[0] is None  # it does not end like a sentence
    assert described("One sentence is not enough.")[0] == "too_few_sentences"


def test_the_threshold_is_the_recipes() -> None:
    assert described("One sentence is enough.", Config(least_sentences=1))[0] is None
