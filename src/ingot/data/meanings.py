"""What the columns of a dataset mean, in words, under the headings by which people look for them."""

from __future__ import annotations

from collections.abc import Mapping

WHAT, QUALITY, REPEATS, RULES, PERSONAL, OWN = (
    "what it is",
    "quality",
    "repeats",
    "published rules",
    "personal data",
    "your own",
)

MEANINGS: Mapping[str, Mapping[str, str]] = {
    WHAT: {
        "language": "language",
        "language_confidence": "how sure the language is",
        "words": "words",
        "word_length": "letters in a word, mean",
        "line_length": "characters in a line, mean",
        "licence_known": "its licence is known",
        "retention_over": "it had to be deleted by now",
        "retention_unclear": "until when it may be kept is unclear",
    },
    QUALITY: {
        "broken_share": "characters broken by a wrong encoding",
        "symbol_share": "characters that are neither letters nor digits",
        "digit_share": "characters that are digits",
        "compressed_share": "size when compressed: low repeats itself",
        "perplexity": "how surprising it is to the reference model",
        "quality": "how much it is like the good ones",
        "toxic_words": "words of your list, in a thousand",
        "toxicity": "how much it is like abuse",
        "contaminated_share": "words that stand in evaluation sets",
        "contaminated_by": "which evaluation sets",
    },
    REPEATS: {"repeated_line_share": "text in lines that were there before"},
    RULES: {
        "passes_gopher_quality": "Gopher, quality",
        "mean_word_length": "letters in a word, mean, without symbols",
        "hashes_per_word": "hash signs to a word",
        "ellipses_per_word": "ellipses to a word",
        "bullet_line_share": "lines that begin with a bullet",
        "ellipsis_line_share": "lines that end with an ellipsis",
        "alphabetic_word_share": "words with a letter",
        "stop_words": "of 8 common English words, how many occur",
        "passes_gopher_repetition": "Gopher, repetition",
        "duplicate_paragraph_share": "paragraphs that repeat",
        "duplicate_paragraph_character_share": "text in paragraphs that repeat",
        "duplicate_line_share": "lines that repeat",
        "duplicate_line_character_share": "text in lines that repeat",
        **{f"top_{n}_gram_share": f"text in the most frequent {n} words in a row" for n in range(2, 5)},
        **{f"duplicate_{n}_gram_share": f"text in {n} words in a row that repeat" for n in range(5, 11)},
        "passes_c4": "C4",
        "prose_lines": "lines of prose",
        "prose_sentences": "sentences of prose",
        "passes_fineweb": "FineWeb",
        "ended_line_share": "lines that end like sentences",
        "short_line_share": "short lines",
        "duplicate_character_share": "text in lines that repeat",
        "newlines_per_word": "line ends to a word",
    },
    PERSONAL: {},
    OWN: {},
}
_GROUP_OF = {column: group for group, columns in MEANINGS.items() for column in columns}


def group_of(column: str) -> str:
    """Return the heading a column stands under.

    >>> group_of("hashes_per_word"), group_of("personal_email"), group_of("matches_mine")
    ('published rules', 'personal data', 'your own')
    """
    if column in _GROUP_OF:
        return _GROUP_OF[column]
    if column.startswith("personal_"):
        return PERSONAL
    return RULES if column.startswith("passes_") or column.endswith("_reason") else OWN


def meaning_of(column: str) -> str:
    """Return what a column means.

    >>> meaning_of("digit_share"), meaning_of("matches_part_number")
    ('characters that are digits', 'matches part number')
    """
    return MEANINGS[group_of(column)].get(column) or column.removeprefix("personal_").replace("_", " ")
