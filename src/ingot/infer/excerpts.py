"""The texts an export is measured on: documents the model was held from, and ten megabytes in which tokenizers differ.

A model that was made here has a dataset, whose held-out documents it never saw; for one that others made, texts drawn
from the model itself stand in. The mixed text takes one half from those documents, or as much as there is. The rest is
made up: words in every script that Unicode has, signs, blanks of all widths and line ends of all kinds, numbers,
contractions, pieces of source code, and words of the vocabulary itself, without which there would be little to merge.
Equal seeds give equal texts. Nothing of it is written down but its size.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np

from ingot.core.tables import parts, read_rows

_CHARACTERS = 8192  # of one text; longer documents are cut there
_BLANKS = (
    " ",
    " ",
    " ",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\n\n\n",
    "    ",
    "\u00a0",
    "\u2003",
    "\u3000",
    "\u2028",
    "\x85",
)
_FIXED = (
    *("I'll", "WE'VE", "don't", "l'été", "'ſ", "it's", "'Tis", "o'clock", "rock'n'roll", "ſ's"),
    *("3.14159", "1,234,567", "0x7fff", "12345678901234567890", "½", "Ⅷ", "٣٤٥", "६७८", "2026-11-22", "10^9"),
    *("def f(x):", "x[i]+=1;", "/* c */", '<a href="#">', '{"k": [1, 2]}', "--==>>", "!?!?", "a_b-c.d/e\\f", "\u200b"),
    *("<s>", "</s>", "[INST]", "<|", "|>", "<|x|>"),
    *(
        "👩‍👩‍👧‍👦",
        "🇩🇪🇫🇷",
        "e\u0301",
        "ﷺ",
        "한국어",
        "漢字かな交じり文",
        "हिन्दी",
        "עברית",
        "Ελληνικά",
        "русский",
        "ไทย",
        "ქართული",
    ),
)


def held_out(dataset: Path) -> Iterator[str]:
    """Yield the texts of a dataset's held-out documents, in the order of their identity."""
    rows = read_rows(parts(dataset, "held_out"), ("doc_id", "text"))
    yield from (str(row["text"]) for row in sorted(rows, key=lambda row: str(row["doc_id"])) if row["text"])


def documents(dataset: Path | None, own: Sequence[str], size: int) -> Iterator[str]:
    """Yield pieces of a dataset's documents, the held-out ones first, until they are `size` bytes or there is no more.

    Without a dataset they are pieces of the texts given as `own`.
    """
    filled = 0
    for text in own if dataset is None else _all_of(dataset):
        for start in range(0, len(text), _CHARACTERS):
            if filled >= size:
                return
            piece = text[start : start + _CHARACTERS]
            filled += len(piece.encode("utf-8"))
            yield piece


def _all_of(dataset: Path) -> Iterator[str]:
    yield from held_out(dataset)
    yield from (str(row["text"]) for row in read_rows(parts(dataset, "train"), ("text",)) if row["text"])


def made_up(words: Sequence[str], size: int, seed: int) -> Iterator[str]:
    """Yield texts of `size` bytes in all, up to the length of the last one; `words` are of the vocabulary."""
    filled, number = 0, 0
    while filled < size:
        random = np.random.Generator(np.random.PCG64([seed, number]))
        text = "".join(islice(_pieces(random, words), 800))
        filled, number = filled + len(text.encode("utf-8")), number + 1
        yield text


def _pieces(random: np.random.Generator, words: Sequence[str]) -> Iterator[str]:
    scripts = _scripts()
    while True:
        script = scripts[int(random.integers(len(scripts)))]
        for _ in range(int(random.integers(1, 12))):
            kind = random.random()
            if kind < 0.5 or not words:
                letters = random.integers(0, len(script), int(random.integers(1, 10)))
                yield "".join(script[place] for place in letters)
            elif kind < 0.85:
                yield _one_of(words, random)
            else:
                yield _one_of(_FIXED, random)
            yield _one_of(_BLANKS, random) if random.random() < 0.7 else ""


def _one_of(words: Sequence[str], random: np.random.Generator) -> str:
    return words[int(random.integers(len(words)))]


@cache
def _scripts() -> tuple[str, ...]:
    """Return the characters that Unicode has given out by the first word of their names.

    The scripts most is written in are as many as all others together.
    """
    found: dict[str, list[str]] = {}
    for character in map(chr, range(0x21, 0x110000)):
        if unicodedata.category(character) not in _UNFIT:
            found.setdefault(unicodedata.name(character, "CONTROL").split(" ", 1)[0].split("-")[0], []).append(
                character
            )
    runs = {name: "".join(characters) for name, characters in found.items()}
    return (*runs.values(), *[runs[name] for name in _COMMON] * (len(runs) // len(_COMMON)))


_UNFIT = ("Cn", "Cs", "Co")  # not given out, halves of characters, private use
_COMMON = (
    *("LATIN", "LATIN", "LATIN", "DIGIT", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "BENGALI", "TAMIL"),
    *("THAI", "HANGUL", "HIRAGANA", "KATAKANA", "CJK", "GEORGIAN", "ARMENIAN"),
)
