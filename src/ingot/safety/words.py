"""The words of a text as arrays: where they lie, what is known about them, and which stand together with capitals.

A document has a hundred thousand words and a handful of names. Every word is hashed by one cumulative sum over the
text (a polynomial hash modulo 2**64, in small letters without accents) and looked up in the lexicon at once, so that
only the few that may belong to a name or an address are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ingot.safety import lexicon
from ingot.safety.characters import CAPITAL, DIGIT, LETTER, Codes, codes, kinds, plain
from ingot.safety.wordtable import Flags, Hashes, WordTable, seen

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# An odd base has an inverse modulo 2**64, so that a word's hash does not depend on where it stands.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_JOINTS = " -'’‑\u00a0"
_NAMES = lexicon.FIRST_NAME | lexicon.SURNAME | lexicon.PLACE | lexicon.PEOPLE
_BEFORE_ENDING = 2
_SHORTEST_SHOUT = 6  # a row of fewer capitals is an abbreviation


@dataclass(frozen=True, eq=False)
class Words:
    """The words of a text, in order.

    `flags` holds the lexicon's classes, `is_capital` whether the first letter is one, `is_upper` whether all are,
    `is_joined` whether the word stands directly before the next (a space, hyphen or apostrophe between), `is_numbered`
    whether a capitalised word has a number behind it, and `is_usual` whether the word is an ordinary one here: by the
    lexicon, or because the text has it in small letters too. `runs` holds the first and last word of each row of
    capitalised words that may hold a name. `usual_capitals` says that the language writes ordinary nouns with a
    capital, as German does: there a capital says nothing.
    """

    starts: Numbers
    ends: Numbers
    flags: Flags
    is_capital: Mask
    is_upper: Mask
    is_joined: Mask
    is_numbered: Mask
    is_usual: Mask
    runs: npt.NDArray[np.int64]
    usual_capitals: bool


def words_of(text: str) -> Words:
    """Return the words of a text. Linear in its length; about 40 bytes of memory per character."""
    points = codes(text)
    of = kinds()[points]
    starts, ends = _edges(of)
    sums = _running_sums(points)
    hashes = _hashes(sums, starts, ends)
    flags = _table().look_up(hashes)
    is_capital = of[starts] == CAPITAL
    is_upper = _all_capitals(of, starts, ends)
    is_joined = _joined(points, starts, ends, flags)
    if not is_capital.any():
        is_capital = _named_in_small_letters(flags, is_joined)
    capitals = (is_capital & (flags == 0)).nonzero()[0]
    flags[capitals] = _by_ending(sums, starts[capitals], ends[capitals])
    is_usual = _usual(hashes, flags, is_capital, is_joined)
    big_nouns = _writes_nouns_big(is_capital, is_joined)
    suspect = _suspects(flags, is_capital, is_usual, big_nouns) & ~(is_upper & (ends - starts < _SHORTEST_SHOUT))
    suspect |= _pairs(flags, is_capital, is_joined)
    return Words(
        starts,
        ends,
        flags,
        is_capital,
        is_upper,
        is_joined,
        _numbered(points, of, ends, is_capital),
        is_usual,
        _runs(is_capital, is_joined, (flags & lexicon.PARTICLE) != 0, suspect),
        big_nouns,
    )


def _edges(of: npt.NDArray[np.uint8]) -> tuple[Numbers, Numbers]:
    inside = np.zeros(len(of) + 2, dtype=np.bool_)
    np.greater_equal(of, LETTER, out=inside[1:-1])
    edges = (inside[1:] != inside[:-1]).nonzero()[0]
    return edges[0::2], edges[1::2]


def _running_sums(points: Codes) -> Hashes:
    values = _mixed()[points]
    values *= _powers(_BASE, len(points))
    sums = np.zeros(len(points) + 1, dtype=np.uint64)
    values.cumsum(out=sums[1:])
    return sums


def _hashes(sums: Hashes, starts: Numbers, ends: Numbers) -> Hashes:
    return (sums[ends] - sums[starts]) * _powers(_INVERSE, len(sums))[starts]


@cache
def _mixed() -> Hashes:
    """Return a random number for each plain letter, so that the sums do not favour some words."""
    numbers = np.random.default_rng(0).integers(1, 1 << 63, size=1 << 16, dtype=np.uint64)
    return numbers[plain()]


_POWERS: dict[int, Hashes] = {}


def _powers(base: int, count: int) -> Hashes:
    """Return the first powers of an odd number modulo 2**64, remembered up to the longest text so far."""
    known = _POWERS.get(base)
    if known is None or len(known) < count:
        factors = np.full(1 << max(12, count.bit_length()), base, dtype=np.uint64)
        factors[0] = 1
        known = _POWERS[base] = np.cumprod(factors, dtype=np.uint64)
    return known[:count]


def _as_table(words: Mapping[str, int]) -> WordTable:
    hashes = (int(_running_sums(codes(word))[-1]) for word in words)
    return WordTable(dict(zip(hashes, words.values(), strict=True)))


@cache
def _table() -> WordTable:
    return _as_table(lexicon.known_words())


@cache
def _endings() -> tuple[Numbers, WordTable]:
    """Return the lengths of all known endings, ascending, and one table of them all."""
    endings = lexicon.endings()
    return np.array(sorted({len(ending) for ending in endings})), _as_table(endings)


def _by_ending(sums: Hashes, starts: Numbers, ends: Numbers) -> Flags:
    """Return classes by ending; the longest known ending counts, and two letters must stand before it."""
    lengths, table = _endings()
    begin = np.maximum(ends - lengths[:, None], 0)
    is_long = begin - starts >= _BEFORE_ENDING
    hashes = (sums[ends] - sums[begin]) * _powers(_INVERSE, len(sums))[begin]
    found = np.zeros(len(starts), dtype=np.uint16)
    for classes in table.look_up(np.where(is_long, hashes, 0).ravel()).reshape(is_long.shape):
        found = np.where(classes != 0, classes, found)
    return found


def _all_capitals(of: npt.NDArray[np.uint8], starts: Numbers, ends: Numbers) -> Mask:
    counts = np.zeros(len(of) + 1, dtype=np.int32)
    (of == CAPITAL).cumsum(out=counts[1:])
    return np.asarray(counts[ends] - counts[starts] == ends - starts)


@cache
def _joints() -> Mask:
    table = np.zeros(1 << 16, dtype=np.bool_)
    table[[ord(joint) for joint in _JOINTS]] = True
    return table


def _joined(points: Codes, starts: Numbers, ends: Numbers, flags: Flags) -> Mask:
    """Say of each word whether a joint stands between it and the next, or a full stop after `J` or `Dr`."""
    joined = np.zeros(len(starts), dtype=np.bool_)
    if len(starts) < 2:
        return joined
    gaps = starts[1:] - ends[:-1]
    joined[:-1] = (gaps == 1) & _joints()[points[ends[:-1]]]
    stops = (gaps == 2).nonzero()[0]
    stops = stops[(points[ends[stops]] == ord(".")) & (points[ends[stops] + 1] == ord(" "))]
    joined[stops] = (ends[stops] - starts[stops] <= 2) | ((flags[stops] & lexicon.TITLE) != 0)
    return joined


def _numbered(points: Codes, of: npt.NDArray[np.uint8], ends: Numbers, is_capital: Mask) -> Mask:
    """Say of each capitalised word whether a number follows after a space, or a comma and a space."""
    numbered = np.zeros(len(ends), dtype=np.bool_)
    capitals = is_capital.nonzero()[0]
    last = len(points) - 1
    behind = np.minimum(ends[capitals], last)
    behind = np.minimum(behind + (points[behind] == ord(",")), last)
    numbered[capitals] = (points[behind] == ord(" ")) & (of[np.minimum(behind + 1, last)] == DIGIT)
    return numbered


def _named_in_small_letters(flags: Flags, is_joined: Mask) -> Mask:
    """Return the words to be read as capitals in a text that has none: clear given names, and an unknown word after."""
    given = ((flags & lexicon.FIRST_NAME) != 0) & ((flags & (lexicon.ORDINARY | lexicon.PARTICLE)) == 0)
    follows = np.concatenate([[False], (given & is_joined)[:-1]])
    return np.asarray(given | (follows & ((flags & ~np.uint16(lexicon.SURNAME)) == 0)))


def _usual(hashes: Hashes, flags: Flags, is_capital: Mask, is_joined: Mask) -> Mask:
    """Say which words are ordinary. `Will` is where it begins a sentence, or where the text says `will`."""
    ordinary = (flags & lexicon.ORDINARY) != 0
    name_too = is_capital & ((flags & lexicon.FIRST_NAME) != 0)
    name_too[:1] = False
    name_too[1:] &= is_joined[:-1]
    usual: Mask = ordinary & ~name_too
    unknown = (is_capital & ~usual).nonzero()[0]
    usual[unknown] = seen(hashes[unknown], hashes[~is_capital])
    return usual


def _suspects(flags: Flags, is_capital: Mask, is_usual: Mask, big_nouns: bool) -> Mask:
    """Say which words make a row worth a look: unknown ones (not where nouns have capitals), and known names."""
    known = (flags & (_NAMES & ~lexicon.SURNAME if big_nouns else _NAMES)) != 0
    named = known & ((flags & lexicon.ORDINARY) == 0)
    return np.asarray(is_capital & (named | (~is_usual & (known | (not big_nouns)))))


def _pairs(flags: Flags, is_capital: Mask, is_joined: Mask) -> Mask:
    """Mark two ordinary words that together are a name: `Mark Young`, `United States`."""
    pairs = np.zeros(len(flags), dtype=np.bool_)
    firsts = (is_capital[:-1] & is_capital[1:] & is_joined[:-1]).nonzero()[0]
    left, right = flags[firsts], flags[firsts + 1]
    named = ((left & lexicon.FIRST_NAME) != 0) & ((right & lexicon.SURNAME) != 0)
    pairs[firsts] = named | (((left & lexicon.PLACE_START) != 0) & ((right & lexicon.PLACE_REST) != 0))
    return pairs


def _writes_nouns_big(is_capital: Mask, is_joined: Mask) -> bool:
    """Say whether capitals are usual: more than a quarter of the words that follow a small word directly have one."""
    after_small = is_joined[:-1] & ~is_capital[:-1]
    followers = np.count_nonzero(after_small)
    return bool(followers > 12 and np.count_nonzero(after_small & is_capital[1:]) > followers / 4)


def _runs(is_capital: Mask, is_joined: Mask, is_particle: Mask, suspect: Mask) -> npt.NDArray[np.int64]:
    """Return first and last word of each row of joined capitals, small particles (`van der`) between them included."""
    if not suspect.any():
        return np.zeros((0, 2), dtype=np.int64)
    next_capital = np.concatenate([is_capital[1:], [False]])
    near = is_particle & is_joined & next_capital
    far = is_particle & is_joined & np.concatenate([near[1:], [False]])
    member = is_capital | near | far
    linked = member[:-1] & member[1:] & is_joined[:-1]
    firsts = np.flatnonzero(member & ~np.concatenate([[False], linked]))
    lasts = np.flatnonzero(member & ~np.concatenate([linked, [False]]))
    counts = np.concatenate([[0], np.cumsum(suspect)])
    kept = counts[lasts + 1] > counts[firsts]
    return np.stack([firsts[kept], lasts[kept]], axis=1)
