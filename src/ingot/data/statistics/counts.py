"""What is counted in a text, and where each count stands in its row.

All are sums, so the counts of a long text are those of its parts added up; STOP_WORDS is a set of bits, C4_REFUSAL the
reason met first. Shares are divided afterwards, from whole numbers, so that equal is equal.
"""

from __future__ import annotations

from enum import IntEnum


class Count(IntEnum):
    """The place of every count in a row of counts."""

    CHARACTERS = 0
    WORD_CHARACTERS = 1  # letters and digits of any script
    DIGITS = 2
    SYMBOLS = 3
    NEWLINES = 4
    HASHES = 5
    ELLIPSES = 6
    BROKEN = 7  # signs of a wrong encoding
    # Words by the English rules; those that are not all punctuation, and their characters; those with a letter.
    WORDS = 8
    NON_SYMBOL_WORDS = 9
    NON_SYMBOL_CHARACTERS = 10
    ALPHABETIC_WORDS = 11
    STOP_WORDS = 12
    SIMPLE_WORDS = 13  # runs of letters and digits, which shingles are made of
    # Lines as str.splitlines has them.
    LINES = 14
    BULLET_LINES = 15
    ELLIPSIS_LINES = 16
    # Gopher's repetition: what stands between runs of newlines, and paragraphs; and those that repeat an earlier one.
    STRETCHES = 17
    DUPLICATE_STRETCHES = 18
    DUPLICATE_STRETCH_CHARACTERS = 19
    PARAGRAPHS = 20
    DUPLICATE_PARAGRAPHS = 21
    DUPLICATE_PARAGRAPH_CHARACTERS = 22
    # FineWeb's lines, which are not blank: those that end like a sentence, short ones, characters of repeated ones.
    FILLED_LINES = 23
    ENDED_LINES = 24
    SHORT_LINES = 25
    DUPLICATE_LINE_CHARACTERS = 26
    # Characters of lines of four or more, white space at their ends left out, and those in repeated ones.
    LONG_LINE_CHARACTERS = 27
    DUPLICATE_LONG_LINE_CHARACTERS = 28
    # C4: lines kept, the sentences in them, and what would refuse the text whatever its sentences.
    C4_LINES = 29
    C4_SENTENCES = 30
    C4_REFUSAL = 31
    # Characters of the most frequent n-gram of words, and of the n-grams that repeat an earlier one.
    TOP_2_GRAM = 32
    TOP_3_GRAM = 33
    TOP_4_GRAM = 34
    DUPLICATE_5_GRAM = 35
    DUPLICATE_6_GRAM = 36
    DUPLICATE_7_GRAM = 37
    DUPLICATE_8_GRAM = 38
    DUPLICATE_9_GRAM = 39
    DUPLICATE_10_GRAM = 40


class Refusal(IntEnum):
    """Values of C4_REFUSAL."""

    NONE = 0
    LOREM_IPSUM = 1
    CURLY_BRACKET = 2
