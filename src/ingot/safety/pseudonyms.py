"""Consistent stand-ins: the same value gets the same one everywhere, and only the key's owner could tell which.

A stand-in is derived from HMAC-SHA256 (RFC 2104) of the value under a secret key, so that shards and machines agree
without talking to one another and no table is needed. It keeps the form where a form helps the model: digits stay
digits, a name becomes a name, word by word, so that `Ms Rossi` and `Anna Rossi` stay related. It is taken from what
belongs to nobody: documentation domains and networks (RFC 2606, 5737, 3849, 2544), numbers with a wrong check digit,
telephone numbers that no plan assigns. Who must be able to go back keeps a sealed map beside it (see sealed_map).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from ingot.core.errors import InputError, UsageError
from ingot.core.storage import write_atomically
from ingot.safety import lexicon
from ingot.safety.accounts import is_iban
from ingot.safety.characters import as_plain
from ingot.safety.checksums import luhn
from ingot.safety.national_ids.all import RULES

KEY_BYTES = 32
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_SHORTEST_NAME = 4


class Pseudonyms:
    """Makes stand-ins under one key. Those it made are in `made`, by type and value, for a sealed map."""

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise UsageError(
                f"a key has at least {KEY_BYTES} bytes, this one {len(key)}", fix="make one with new_key()"
            )
        self._key = key
        self.made: dict[tuple[str, str], str] = {}

    def stand_in(self, kind: str, value: str) -> str:
        """Return the stand-in of a value of a type. Equal values under one key get equal ones; case is kept."""
        known = self.made.get((kind, value))
        if known is None:
            family = kind.partition(".")[0]
            known = self.made[kind, value] = _FORMS.get(family, _labelled)(_Source(self._key, family), kind, value)
        return known


class _Source:
    """Numbers that look random and depend on the key, the family and a value alone."""

    def __init__(self, key: bytes, family: str) -> None:
        self._key, self._family = key, family

    def numbers(self, value: str) -> Iterator[int]:
        """Yield bytes without end."""
        block = 0
        while True:
            message = f"{self._family}\0{block}\0{value}".encode("utf-8", "surrogatepass")
            yield from hmac.new(self._key, message, hashlib.sha256).digest()
            block += 1

    def choice(self, value: str, options: tuple[str, ...]) -> str:
        """Return one of the options, and never the value itself."""
        numbers = self.numbers(value)
        while True:
            chosen = options[int.from_bytes(bytes(next(numbers) for _ in range(4)), "big") % len(options)]
            if chosen != value:
                return chosen


def new_key() -> bytes:
    """Return a fresh secret key."""
    return secrets.token_bytes(KEY_BYTES)


def key_from_file(path: Path) -> bytes:
    """Read the key in a file, or make one there that only its owner can read. Raises InputError for a broken one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        write_atomically(path, new_key().hex() + "\n")
        path.chmod(0o600)
    try:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError as error:
        raise InputError(
            "the key file holds no key", where=str(path), fix="give the file that was used before, or a new name"
        ) from error


def _name(source: _Source, kind: str, value: str) -> str:
    return re.sub(r"[^\W\d_]+", lambda match: _name_word(source, match[0]), value)


def _name_word(source: _Source, word: str) -> str:
    plain = as_plain(word)
    flags = lexicon.known_words().get(plain, 0)
    is_particle = word.islower() and flags & lexicon.PARTICLE
    if is_particle or (flags & lexicon.TITLE and not flags & (lexicon.FIRST_NAME | lexicon.SURNAME)):
        return word
    if len(word) == 1:
        return source.choice(plain, tuple("abcdefghijklmnoprstvw")).upper() if word.isupper() else word
    is_given = flags & lexicon.FIRST_NAME and not flags & lexicon.SURNAME
    chosen = source.choice(plain, _names("first_names" if is_given else "surnames"))
    return chosen.upper() if word.isupper() else chosen if word.islower() else chosen.capitalize()


@cache
def _names(which: str) -> tuple[str, ...]:
    """Return the names of a list that are nothing but names."""
    only = lexicon.FIRST_NAME | lexicon.SURNAME
    known = lexicon.known_words()
    usable = (
        name for name in lexicon.entries(which) if len(name) >= _SHORTEST_NAME and name.isascii() and name.isalpha()
    )
    return tuple(sorted({name for name in usable if not known[name] & ~only}))


def _email(source: _Source, kind: str, value: str) -> str:
    numbers = source.numbers(value.lower())
    user = "".join(_ALPHABET[next(numbers) % len(_ALPHABET)] for _ in range(8))
    return f"{user}@example.{('com', 'net', 'org')[next(numbers) % 3]}"


def _digits(source: _Source, value: str, keep: int = 0) -> str:
    """Return a value with other digits and letters in the same places, but for the first `keep` of them."""
    numbers = source.numbers("".join(mark for mark in value if mark.isalnum()).upper())
    made = []
    for mark in value:
        if mark.isalnum() and keep:
            keep -= 1
            made.append(mark)
        elif mark.isdecimal():
            made.append(str(next(numbers) % 10))
        elif mark.isalpha():
            letter = chr(ord("A") + next(numbers) % 26)
            made.append(letter if mark.isupper() else letter.lower())
        else:
            made.append(mark)
    return "".join(made)


def _spoiled(made: str, is_valid: Callable[[str], bool]) -> str:
    """Change the last digit until the number is nobody's."""
    last = max((place for place, mark in enumerate(made) if mark.isdecimal()), default=-1)
    for step in range(10) if last >= 0 else ():
        changed = made[:last] + str((int(made[last]) + step) % 10) + made[last + 1 :]
        if not is_valid(changed):
            return changed
    return made


def _card(source: _Source, kind: str, value: str) -> str:
    return _spoiled(_digits(source, value), lambda made: luhn("".join(filter(str.isdecimal, made))))


def _account(source: _Source, kind: str, value: str) -> str:
    made = _digits(source, value, keep=2)
    return _spoiled(made, lambda number: is_iban(re.sub(r"[ -]", "", number)))


def _national(source: _Source, kind: str, value: str) -> str:
    rules = [rule for rule in RULES if f"national_id.{rule.name}" == kind]
    return _spoiled(_digits(source, value), lambda made: any(rule.accepts(made) for rule in rules))


def _phone(source: _Source, kind: str, value: str) -> str:
    """Keep the country code; no plan assigns a subscriber's number that begins with two zeros."""
    prefix = re.match(r"\+\d{1,3}(?!\d)|\+\d{2}", value)
    body = value[prefix.end() :] if prefix else value
    made, zeros = [], 2
    for mark in _digits(source, body):
        made.append("0" if mark.isdecimal() and zeros > 0 else mark)
        zeros -= mark.isdecimal()
    return (prefix[0] if prefix else "") + "".join(made)


def _network(source: _Source, kind: str, value: str) -> str:
    numbers = source.numbers(value.lower())
    if ":" not in value:
        return f"198.{18 + next(numbers) % 2}.{next(numbers)}.{next(numbers)}"
    return "2001:db8:" + ":".join(f"{next(numbers) << 8 | next(numbers):x}" for _ in range(6))


def _hardware(source: _Source, kind: str, value: str) -> str:
    """Return a locally administered address (IEEE 802, the second bit of the first byte)."""
    numbers = source.numbers(value.lower())
    return ("-" if "-" in value else ":").join(["02", *(f"{next(numbers):02x}" for _ in range(5))])


def _plain_digits(source: _Source, kind: str, value: str) -> str:
    return _digits(source, value)


def _labelled(source: _Source, kind: str, value: str) -> str:
    numbers = source.numbers(" ".join(value.split()).lower())
    return f"[{kind.partition('.')[0].upper()}-{bytes(next(numbers) for _ in range(4)).hex().upper()}]"


_FORMS: dict[str, Callable[[_Source, str, str], str]] = {
    "document_number": _plain_digits,
    "email": _email,
    "iban": _account,
    "ip_address": _network,
    "mac_address": _hardware,
    "national_id": _national,
    "payment_card": _card,
    "person": _name,
    "phone": _phone,
    "postcode": _plain_digits,
}
