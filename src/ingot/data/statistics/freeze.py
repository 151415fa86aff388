"""Make the table of characters from Python's Unicode data and the word rules: `python -m ingot.data.statistics.freeze`.

Run by hand, when Unicode or a rule has changed, and the result is looked at: every statistic stands on it.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from ingot.core.storage import write_atomically
from ingot.data import characters
from ingot.data.statistics import english

_WITHOUT_SPACES = (
    "E00-E7F E80-EFF 1000-109F 1780-17FF "  # Thai, Lao, Burmese, Khmer
    "3040-30FF 3400-4DBF 4E00-9FFF F900-FAFF 20000-2FFFF"  # Japanese, Chinese
)
_SURROGATES = range(0xD800, 0xE000)

Test = Callable[[str], bool]


def main() -> None:
    """Write the table beside `characters`."""
    write_atomically(characters.FILE, as_text(table()))


def table() -> dict[str, Any]:
    """Return the first and last code points of every run that has a trait, by trait, and the lower-case letters."""
    everything = [chr(code) for code in range(characters.CODE_POINTS) if code not in _SURROGATES]
    cased = [character for character in everything if character != character.lower()]
    simple = [character for character in cased if len(character.lower()) == 1]
    return {
        "about": "Made by ingot.data.statistics.freeze, after spaCy (MIT) and datatrove (Apache-2.0); see english.py",
        "unicode": unicodedata.unidata_version,
        "traits": {name: _runs(filter(test, everything)) for name, test in tests().items()},
        "lower": {"from": "".join(simple), "to": "".join(simple).lower()},
    }


def as_text(frozen: dict[str, Any]) -> str:
    """Return the table as JSON with a line for each trait, so that a change can be read."""
    traits = (f'  "{name}": {json.dumps(bounds)}' for name, bounds in frozen["traits"].items())
    rest = {name: frozen[name] for name in ("about", "unicode", "lower")}
    return json.dumps(rest, indent=1)[:-2] + ',\n "traits": {\n' + ",\n".join(traits) + "\n }\n}\n"


def tests() -> dict[str, Test]:
    """Return for every trait how to tell whether a character has it."""
    return _kinds() | _properties() | _word_rules() | _broken()


def _kinds() -> dict[str, Test]:
    def kind(character: str) -> str:
        if character in "\t\n\v\f\r":
            return "space"
        return {"L": "letter", "M": "letter", "N": "digit", "Z": "space"}.get(_category(character), "symbol")

    without_spaces = _members(_WITHOUT_SPACES)
    return {
        "letter": lambda character: kind(character) == "letter",
        "digit": lambda character: kind(character) == "digit",
        "symbol": lambda character: kind(character) == "symbol",
        "alone": lambda character: character in without_spaces and kind(character) == "letter",
    }


def _properties() -> dict[str, Test]:
    line_ends = _members(english.SENTENCE_ENDS) | _members(english.YOUNGER_ENDS)
    punctuation = set(english.PUNCTUATION) | _members(english.CONTROLS) | line_ends
    return {
        "space": str.isspace,
        "line_break": lambda character: len(f"{character}.".splitlines()) == 2,
        "alphabetic": str.isalpha,
        "decimal": str.isdecimal,
        "mark": lambda character: _category(character) == "P",
        "punctuation": punctuation.__contains__,
        "line_end": line_ends.__contains__,
        "sentence_end": _members(english.SENTENCE_ENDS).__contains__,
        "bracket": lambda character: character in "[{",
        "phrase": lambda character: character.lower() in ("j", "k", "m", "f", "v"),
    }


def _word_rules() -> dict[str, Test]:
    cased, uncased = _members(english.CASED), _members(english.UNCASED)
    younger = _members(english.YOUNGER_ICONS)
    icons = {chr(code) for code in range(characters.CODE_POINTS) if unicodedata.category(chr(code)) == "So"} - younger
    lower = {character for character in cased if character.islower()} | set(english.LOWER_TOO) | uncased
    upper = {character for character in cased if character.isupper()} | set(english.UPPER_TOO) | uncased
    beginning = set(english.BOTH_ENDS) | set(english.BEGINNING) | icons
    ending = set(english.BOTH_ENDS) | icons
    sets = {
        "word_letter": cased | uncased | {english.UPPER_TOO},
        "lower": lower,
        "upper": upper,
        "numeral": set("0123456789"),
        "beginning": beginning,
        "ending": ending,
        "quote": set(english.QUOTES),
        "before_period": lower | set("0123456789") | set(english.BEFORE_PERIOD),
        "icon": icons | {"…"},
        "hyphen": set(english.HYPHENS),
        "plain": (cased | uncased) - beginning - ending,
    }
    return {name: members.__contains__ for name, members in sets.items()}


def _broken() -> dict[str, Test]:
    tail = _members("80-BF") | set("€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ")
    third = _members("80-BF") | set("™œ“”¦")
    return {
        "broken_lead": lambda character: character in "ÂÃÄÅâ\ufffd",
        "broken_tail": tail.__contains__,
        "broken_third": third.__contains__,
    }


def _category(character: str) -> str:
    return unicodedata.category(character)[0]


def _members(ranges: str) -> set[str]:
    """Return the characters of ranges such as `41-5A AA`."""
    bounds = [[int(bound, 16) for bound in stretch.split("-")] for stretch in ranges.split()]
    return {chr(code) for bound in bounds for code in range(bound[0], bound[-1] + 1)}


def _runs(members: Iterable[str]) -> list[int]:
    """Return the first and last code point of every run, one after the other."""
    bounds: list[int] = []
    for code in map(ord, members):
        if bounds and bounds[-1] == code - 1:
            bounds[-1] = code
        else:
            bounds += [code, code]
    return bounds


if __name__ == "__main__":
    main()
