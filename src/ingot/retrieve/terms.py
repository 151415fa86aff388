"""The terms by which a text is found: hashes of its words, and of what words of one family share.

A word is a run of letters and digits in lower case, as everywhere in the house (data/word_hashes). A longer one is
found by its first letters, too, so that `treatments` finds `treatment`: cutting words after some letters does about as
well as stemmers made for one language, in all that have spaces (McNamee and Mayfield 2004). In scripts without spaces,
a term is a letter, and every two in a row (as Lucene's CJK analysis has it).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingot.core.compiling import cached
from ingot.data import characters
from ingot.data.characters import ALONE, DIGIT, LETTER
from ingot.data.statistics.arrays import ZERO, Bytes, Codes, Hashes, Text
from ingot.data.statistics.codepoints import decode
from ingot.data.statistics.hashing import FACTOR, SEED, mixed

PREFIX_LETTERS = 5
_PREFIX_SEED = np.uint64(0x2545F4914F6CDD1D)  # a prefix is another term than the word that looks like it
_CHECK = "Ingot checks that two machines find the same terms here: Ärztinnen, treatments, 病院の医者."


def terms(text: bytes) -> npt.NDArray[np.uint64]:
    """Return the terms of a text in UTF-8, in order, repeated ones as often as they stand there.

    >>> len(terms(b"Treatments of flu")), len(set(terms(b"treatment").tolist()) & set(terms(b"Treatments").tolist()))
    (4, 1)
    """
    size = len(text)
    hashes = np.empty(2 * size + 2, np.uint64)
    room = np.empty(size + 1, np.uint64)
    data = np.frombuffer(text or b"\0", np.uint8)
    count = _terms(data, size, characters.table(), characters.lower(), room, hashes, PREFIX_LETTERS)
    return hashes[:count]


def check() -> str:
    """Return what changes when terms are found or hashed in another way."""
    return f"{int(terms(_CHECK.encode()).sum()):016x}"


@cached
def _terms(data: Bytes, end: int, table: Text, lower: Codes, room: Text, hashes: Hashes, prefix: int) -> int:
    length, _ = decode(data, ZERO, end, table, room, len(room))
    count, place = ZERO, ZERO
    before = -2  # where the last letter of a script without spaces stood
    while place < length:
        if not room[place] & (LETTER | DIGIT):
            place += 1
            continue
        start = place
        value, is_alone = SEED, room[place] & ALONE
        while True:
            value = (value ^ np.uint64(lower[np.uint32(room[place])])) * FACTOR
            place += 1
            if place - start == prefix:
                hashes[count + 1] = mixed(value ^ _PREFIX_SEED)
            if is_alone or place == length or not room[place] & (LETTER | DIGIT) or room[place] & ALONE:
                break
        hashes[count] = mixed(value)
        if is_alone and before == start - 1:
            pair = (SEED ^ np.uint64(lower[np.uint32(room[before])])) * FACTOR
            hashes[count + 1] = mixed((pair ^ np.uint64(lower[np.uint32(room[start])])) * FACTOR)
            count += 1
        elif place - start >= prefix:
            count += 1
        before = start if is_alone else -2
        count += 1
    return int(count)
