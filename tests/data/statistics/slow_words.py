"""English words the slow and obvious way: regular expressions, as spaCy writes its rules down."""

from __future__ import annotations

import json
import re
from functools import cache

from ingot.data import characters
from ingot.data.statistics import english

EXCEPTIONS = english.exceptions()


@cache
def sets() -> dict[str, str]:
    """Return the inside of a regular expression's brackets for every set of characters."""
    frozen = json.loads(characters.FILE.read_text(encoding="utf-8"))["traits"]

    def inside(name: str) -> str:
        bounds = frozen[name]
        pairs = zip(bounds[::2], bounds[1::2], strict=True)
        return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in pairs)

    names = ("word_letter", "lower", "upper", "beginning", "ending", "quote", "before_period", "icon", "hyphen")
    return {name: inside(name) for name in names}


@cache
def patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return what is cut off at the beginning, at the end and inside, and what an address is."""
    of = sets()
    units = "|".join(map(re.escape, [*english.UNITS.split(), *english.DOLLARS.split(), *english.CURRENCIES]))
    dollars = "|".join(map(re.escape, english.DOLLARS.split()))
    prefix = rf"\.\.+|\+(?![0-9])|[{of['beginning']}]|{dollars}"
    endings = [
        r"\.\.+",
        "['’][sS]",
        f"[{of['ending']}]",
        r"(?<=[0-9])\+",
        r"(?<=°[FfCcKk])\.",
        rf"(?<=[0-9])(?:{units})",
        rf"(?<=[{of['before_period']}])\.",
        rf"(?<=[{of['upper']}][{of['upper']}])\.",
    ]
    letter = of["word_letter"]
    infixes = [
        r"\.\.+",
        f"[{of['icon']}]",
        r"(?<=[0-9])[+\-*^](?=[0-9-])",
        rf"(?<=[{of['lower']}{of['quote']}])\.(?=[{of['upper']}{of['quote']}])",
        rf"(?<=[{letter}]),(?=[{letter}])",
        rf"(?<=[{letter}0-9])(?:-|–|—|--|---|——|~)(?=[{letter}])",
        rf"(?<=[{letter}0-9])[:<>=/](?=[{letter}])",
    ]
    suffix = "|".join(f"(?:{ending})$" for ending in endings)
    return re.compile(prefix), re.compile(suffix), re.compile("|".join(infixes)), re.compile(address(of["lower"]))


def address(lower: str) -> str:
    """Return the pattern of a web address."""
    label = "[A-Za-z0-9\u00a1-\uffff]"
    name = rf"(?:(?:{label}[A-Za-z0-9\u00a1-\uffff_-]{{0,62}})?{label}\.)+[{lower}]{{2,63}}"
    private = (
        r"(?!(?:10|127)(?:\.[0-9]{1,3}){3})(?!(?:169\.254|192\.168)(?:\.[0-9]{1,3}){2})"
        r"(?!172\.(?:1[6-9]|2[0-9]|3[0-1])(?:\.[0-9]{1,3}){2})"
    )
    number = (
        r"(?:[1-9][0-9]?|1[0-9][0-9]|2[01][0-9]|22[0-3])(?:\.(?:1?[0-9]{1,2}|2[0-4][0-9]|25[0-5])){2}"
        r"(?:\.(?:[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-4]))"
    )
    return rf"(?:[\w+\-.]{{2,}}://)?(?:\S+(?::\S*)?@)?(?:{private}{number}|{name})(?::[0-9]{{2,5}})?(?:[/?#]\S*)?"


def words(text: str) -> list[tuple[int, str]]:
    """Return the words of a text and where each begins."""
    found = []
    for stretch in re.finditer(r"\S+", text):
        place = stretch.start()
        for word in split(stretch.group()):
            found.append((place, word))
            place += len(word)
    return found


def split(stretch: str) -> list[str]:
    """Return the words of a stretch without white space."""
    prefix, suffix, infix, url = patterns()
    before: list[str] = []
    after: list[str] = []
    size = -1
    while stretch and len(stretch) != size and stretch not in EXCEPTIONS:
        size = len(stretch)
        first = match.group() if (match := prefix.match(stretch)) else ""
        if first and stretch[len(first) :] in EXCEPTIONS:
            before.append(first)
            stretch = stretch[len(first) :]
            break
        last = match.group() if (match := suffix.search(stretch[len(first) :])) else ""
        if last and stretch[: -len(last)] in EXCEPTIONS:
            after.append(last)
            stretch = stretch[: -len(last)]
            break
        before += [first] if first else []
        after += [last] if last else []
        stretch = stretch[len(first) : len(stretch) - len(last)]
    if stretch in EXCEPTIONS:
        inner = EXCEPTIONS[stretch]
    elif url.fullmatch(stretch):
        inner = [stretch]
    else:
        inner = list(_inside(stretch, infix))
    return joined([*before, *inner, *reversed(after)])


def _inside(stretch: str, infix: re.Pattern[str]) -> list[str]:
    found, start = [], 0
    for match in infix.finditer(stretch):
        if match.start() > 0:
            found += [stretch[start : match.start()], match.group()]
            start = match.end()
    return [word for word in [*found, stretch[start:]] if word]


def joined(found: list[str]) -> list[str]:
    """Put together again what is an exception: the longest that begins with a word, one after the other."""
    if len(found) < 3:
        return found
    kept: list[str] = []
    place = 0
    while place < len(found):
        for last in range(len(found), place + 1, -1):
            parts = EXCEPTIONS.get("".join(found[place:last]), [])
            if 0 < len(parts) <= last - place:
                kept += parts
                place = last
                break
        else:
            kept.append(found[place])
            place += 1
    return kept
