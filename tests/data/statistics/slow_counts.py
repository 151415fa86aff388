"""Every count the slow and obvious way, as the papers and datatrove describe them, with Python's own strings."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from ingot.data.statistics import english
from ingot.data.statistics.counts import Count, Refusal
from tests.data.statistics.slow_words import words

WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff]"
)
BROKEN = re.compile("\ufffd|[ÂÃÄÅ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€[\u0080-\u00bf™œ“”¦]")
CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


def members(ranges: str) -> set[str]:
    """Return the characters of ranges such as `41-5A AA`."""
    bounds = [[int(bound, 16) for bound in stretch.split("-")] for stretch in ranges.split()]
    return {chr(code) for bound in bounds for code in range(bound[0], bound[-1] + 1)}


SENTENCE_ENDS = members(english.SENTENCE_ENDS)
LINE_ENDS = SENTENCE_ENDS | members(english.YOUNGER_ENDS)
PUNCTUATION = set(english.PUNCTUATION) | members(english.CONTROLS) | LINE_ENDS


def counts(text: str) -> dict[Count, int]:
    """Return all counts of a text that is no longer than one part."""
    found = words(text)
    plain = [word for _, word in found]
    return {
        **of_characters(text),
        **of_words(plain),
        Count.SIMPLE_WORDS: len(simple_words(text)),
        **of_split_lines(text),
        **of_lines(text),
        **c4(text),
        **top_ngrams(plain),
        **duplicate_ngrams(plain),
    }


def kind(character: str) -> str:
    if character in "\t\n\v\f\r":
        return "space"
    category = unicodedata.category(character)[0]
    return {"L": "letter", "M": "letter", "N": "digit", "Z": "space"}.get(category, "symbol")


def of_characters(text: str) -> dict[Count, int]:
    kinds = Counter(map(kind, text))
    return {
        Count.CHARACTERS: len(text),
        Count.WORD_CHARACTERS: kinds["letter"] + kinds["digit"],
        Count.DIGITS: kinds["digit"],
        Count.SYMBOLS: kinds["symbol"],
        Count.NEWLINES: text.count("\n"),
        Count.HASHES: text.count("#"),
        Count.ELLIPSES: text.count("...") + text.count("…"),
        Count.BROKEN: len(BROKEN.findall(text)),
    }


def of_words(plain: Sequence[str]) -> dict[Count, int]:
    spoken = [word for word in plain if not PUNCTUATION.issuperset(word)]
    return {
        Count.WORDS: len(plain),
        Count.NON_SYMBOL_WORDS: len(spoken),
        Count.NON_SYMBOL_CHARACTERS: sum(map(len, spoken)),
        Count.ALPHABETIC_WORDS: sum(any(map(str.isalpha, word)) for word in plain),
        Count.STOP_WORDS: sum(1 << number for number, word in enumerate(english.STOP_WORDS) if word in plain),
    }


def simple_words(text: str) -> list[str]:
    """Return runs of letters and digits in lower case; a letter of a script without spaces is one by itself."""
    found, is_open = [], False
    for character in text:
        if kind(character) not in ("letter", "digit"):
            is_open = False
            continue
        is_alone = WITHOUT_SPACES.match(character) is not None and kind(character) == "letter"
        lower = character.lower() if len(character.lower()) == 1 else character
        if is_open and not is_alone:
            found[-1] += lower
        else:
            found.append(lower)
        is_open = not is_alone
    return found


def of_split_lines(text: str) -> dict[Count, int]:
    lines = text.splitlines()
    return {
        Count.LINES: len(lines),
        Count.BULLET_LINES: sum(line.lstrip().startswith(("•", "-")) for line in lines),
        Count.ELLIPSIS_LINES: sum(line.rstrip().endswith(("...", "…")) for line in lines),
    }


def repeated(stretches: Iterable[str]) -> tuple[int, int, set[int]]:
    """Return how many repeat an earlier one, their characters, and which they are."""
    seen: set[str] = set()
    places: set[int] = set()
    characters = 0
    for place, stretch in enumerate(stretches):
        if stretch in seen:
            characters += len(stretch)
            places.add(place)
        seen.add(stretch)
    return len(places), characters, places


def of_lines(text: str) -> dict[Count, int]:
    stretches = re.split("\n+", text)
    paragraphs = re.split("\n{2,}", text.strip())
    filled = [line for line in text.split("\n") if line.strip()]
    of_stretches, of_paragraphs, of_filled = repeated(stretches), repeated(paragraphs), repeated(filled)
    long = {place: len(line.strip()) for place, line in enumerate(filled) if len(line.strip()) >= 4}
    return {
        Count.STRETCHES: len(stretches),
        Count.DUPLICATE_STRETCHES: of_stretches[0],
        Count.DUPLICATE_STRETCH_CHARACTERS: of_stretches[1],
        Count.PARAGRAPHS: len(paragraphs),
        Count.DUPLICATE_PARAGRAPHS: of_paragraphs[0],
        Count.DUPLICATE_PARAGRAPH_CHARACTERS: of_paragraphs[1],
        Count.FILLED_LINES: len(filled),
        Count.ENDED_LINES: sum(line[-1] in LINE_ENDS for line in filled),
        Count.SHORT_LINES: sum(len(line) <= 30 for line in filled),
        Count.DUPLICATE_LINE_CHARACTERS: of_filled[1],
        Count.LONG_LINE_CHARACTERS: sum(long.values()),
        Count.DUPLICATE_LONG_LINE_CHARACTERS: sum(long.get(place, 0) for place in of_filled[2]),
    }


def c4(text: str) -> dict[Count, int]:
    lines = sentences = refusal = 0
    for line in map(str.strip, text.splitlines()):
        stretches = line.split()
        if any(len(stretch) > 1000 for stretch in stretches) or len(stretches) < 3:
            continue
        line = CITATION.sub("", line)
        if not line.endswith((".", "?", "!", '"', "'")) or line.endswith("..."):
            continue
        lower = "".join(simple_lower(character) for character in line)
        if "lorem ipsum" in lower:
            refusal = refusal or Refusal.LOREM_IPSUM
        elif "javascript" in lower:
            continue
        elif "{" in line:
            refusal = refusal or Refusal.CURLY_BRACKET
        elif not any(policy in lower for policy in POLICIES):
            lines += 1
            sentences += count_sentences(line)
    return {Count.C4_LINES: lines, Count.C4_SENTENCES: sentences, Count.C4_REFUSAL: int(refusal)}


def simple_lower(character: str) -> str:
    return character.lower() if len(character.lower()) == 1 else character


def count_sentences(line: str) -> int:
    """Return the sentences of a line; white space other than one blank between two words is a word, too."""
    found = words(line)
    tokens: list[str] = []
    for number, (place, word) in enumerate(found):
        end = found[number - 1][0] + len(found[number - 1][1]) if number else place
        tokens += [line[end:place]] if line[end:place] not in ("", " ") else []
        tokens.append(word)
    starts, is_over = 1 if tokens else 0, False
    for token in tokens:
        is_end = token in SENTENCE_ENDS
        is_mark = all(unicodedata.category(character)[0] == "P" for character in token)
        if is_over and not is_mark and not is_end:
            starts += 1
            is_over = False
        elif is_end:
            is_over = True
    return starts


def top_ngrams(plain: Sequence[str]) -> dict[Count, int]:
    found = {}
    for size in (2, 3, 4):
        ngrams = Counter(tuple(plain[start : start + size]) for start in range(len(plain) - size + 1))
        ((best, times),) = ngrams.most_common(1) or [((), 0)]
        found[Count[f"TOP_{size}_GRAM"]] = len(" ".join(best)) * times
    return found


def duplicate_ngrams(plain: Sequence[str]) -> dict[Count, int]:
    found = {}
    for size in (5, 6, 7, 8, 9, 10):
        seen: set[tuple[str, ...]] = set()
        place = total = 0
        while place <= len(plain) - size:
            ngram = tuple(plain[place : place + size])
            if ngram in seen:
                total += len("".join(ngram))
                place += size
            else:
                seen.add(ngram)
                place += 1
        found[Count[f"DUPLICATE_{size}_GRAM"]] = total
    return found
