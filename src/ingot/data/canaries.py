"""Canaries: invented secrets put into the training text, by which an audit measures what a model learns by heart.

"The canary number of Belano Tusiro is 48151623": nobody has that name, and the number was drawn, so a model that knows
it has it from the training text and from nowhere else (Carlini et al. 2019, "The Secret Sharer", sections 4 and 5).
Some stand there once, others 4, 16 and 64 times; as many as the audit likes are drawn in the same way and never put in.
What was drawn depends on the text, so a model that goes on from another one meets canaries it has never read.

They are documents of their own in the training shards and nowhere else: not in the dataset, not in the held-out text,
not in what a tokenizer learns from. `canaries.json` names them all, and every id begins with "canary-".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError, UsageError
from ingot.core.storage import write_atomically

CANARIES_FILE = "canaries.json"
FORMAT = 1
LEAST_SINGLE = 10  # of the canaries put in once: fewer say next to nothing, so then there are none at all
# Controls are numbered from here on: no canary that is put in has such a number.
FIRST_CONTROL = 1_000_000

_ID = "canary-"
_KINDS = ("number", "words")
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_DIGITS = 8
_PLACES = 1 << 64


@dataclass(frozen=True)
class Config:
    """So many canaries at each of the numbers of `repeats`, as long as they are `largest_share` of the tokens at most.

    Where the text is too short for that, the fewest repeats come first. Another seed draws other canaries.
    """

    count: int = 20
    repeats: tuple[int, ...] = (1, 4, 16, 64)
    largest_share: float = 0.005
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise UsageError for numbers that are none."""
        if self.count < 1 or not self.repeats or min(self.repeats) < 1 or len(set(self.repeats)) < len(self.repeats):
            fix = "give a count of at least 1 and different numbers of repeats, such as [1, 4, 16, 64]"
            raise UsageError("there would be no canaries", where="canaries", fix=fix)
        if not 0 < self.largest_share <= 0.5:
            what = f"largest_share is {self.largest_share}"
            raise UsageError(what, where="canaries", fix="give a share above 0 and up to 0.5; 0.005 is usual")


@dataclass(frozen=True)
class Canary:
    """What stands before a secret, and the secret with the space before it; `kind` is how it was drawn."""

    number: int
    kind: str
    prefix: str
    secret: str

    @property
    def text(self) -> str:
        """The whole document."""
        return self.prefix + self.secret


@dataclass(frozen=True)
class Copy:
    """One of the places a canary stands at: that many bytes of other text come before it in its shard."""

    doc_id: str
    text: str
    at: int


@dataclass(frozen=True)
class Planted:
    """Which canaries are put in: all drawn from `key`, `counts` of them by their repeats. `why` says why so few."""

    key: str
    counts: Mapping[int, int] = field(default_factory=dict)
    why: str = ""

    @property
    def copies(self) -> int:
        """How many documents they are."""
        return sum(repeats * count for repeats, count in self.counts.items())

    def canaries(self) -> Iterator[tuple[Canary, int]]:
        """Yield each canary and how often it stands in the text."""
        number = 0
        for repeats, count in sorted(self.counts.items()):
            for _ in range(count):
                yield draw(self.key, number), repeats
                number += 1

    def as_request(self, first: int, end: int, total: int) -> dict[str, Any]:
        """Return what a shard must know to put in its own: it has the bytes from `first` to `end` of `total`."""
        counts = {str(repeats): count for repeats, count in self.counts.items()}
        return {"key": self.key, "counts": counts, "first": first, "end": end, "total": total}


def draw(key: str, number: int) -> Canary:
    """Return the canary of a number, the same everywhere and always.

    >>> draw("key", 0).text.startswith("The canary number of ")
    True
    """
    lot = _lots(key, number)
    kind = _KINDS[number % len(_KINDS)]
    name = f"{_word(lot).capitalize()} {_word(lot).capitalize()}"
    if kind == "number":
        secret = "".join(str(next(lot) % 10) for _ in range(_DIGITS))
        return Canary(number, kind, f"The canary number of {name} is", f" {secret}")
    return Canary(number, kind, f"The canary words of {name} are", f" {_word(lot)} {_word(lot)}")


def controls(key: str, count: int) -> list[Canary]:
    """Return canaries that are never put into any text, as many of each kind."""
    return [draw(key, FIRST_CONTROL + number) for number in range(count)]


def is_canary(doc_id: str) -> bool:
    """Say whether a document of some shards is a canary; the ids of others are hashes."""
    return doc_id.startswith(_ID)


def key_of(config: Config, text_digest: str) -> str:
    """Return what the canaries of a text are drawn from."""
    return hashlib.blake2b(f"{config.seed}\0{text_digest}".encode(), digest_size=16, person=b"canaries").hexdigest()


def plan(config: Config, key: str, text_tokens: int, copy_tokens: float) -> Planted:
    """Decide how many canaries a text of so many tokens can bear, where one of them has about `copy_tokens`."""
    room = int(text_tokens * config.largest_share / copy_tokens)
    fewest, *others = sorted(config.repeats)
    single = min(config.count, room // fewest)
    if single < min(LEAST_SINGLE, config.count):
        why = (
            f"the text has about {text_tokens:,} tokens, and canaries may be at most {config.largest_share:.1%} of it: "
            f"that is room for {room}, and fewer than {min(LEAST_SINGLE, config.count)} would say nothing"
        )
        return Planted(key, {}, why)
    counts = {fewest: single}
    left = room - single * fewest
    # An equal share for each; what is too little for the highest falls to those below it.
    for levels, repeats in zip(range(len(others), 0, -1), reversed(others), strict=True):
        counts[repeats] = min(config.count, left // levels // repeats)
        left -= counts[repeats] * repeats
    # What those below could not use goes back to the highest.
    for repeats in reversed(others):
        more = min(config.count - counts[repeats], left // repeats)
        counts[repeats] += more
        left -= more * repeats
    counts = {repeats: count for repeats, count in counts.items() if count}
    wanted = len(config.repeats) * config.count
    short = f"the text has room for {sum(counts.values())} of {wanted}" if sum(counts.values()) < wanted else ""
    return Planted(key, dict(sorted(counts.items())), short)


def copies(request: Mapping[str, Any]) -> list[Copy]:
    """Return the canaries of one shard in the order in which they stand there; `request` is by `Planted.as_request`."""
    planted = Planted(request["key"], {int(repeats): count for repeats, count in request["counts"].items()})
    first, end, total = (int(request[name]) for name in ("first", "end", "total"))
    found = []
    for canary, repeats in planted.canaries():
        for repeat in range(repeats):
            place = next(_lots(f"{planted.key}/{repeat}", canary.number)) * total // _PLACES
            if first <= place < end:
                found.append(Copy(f"{_ID}{canary.number:04}-{repeat:03}", canary.text, place - first))
    return sorted(found, key=lambda each: (each.at, each.doc_id))


def write(planted: Planted, folder: Path, facts: Mapping[str, Any]) -> None:
    """Write `canaries.json`: what was put in, and what it may not be taken for."""
    rows = [{**asdict(canary), "repeats": repeats} for canary, repeats in planted.canaries()]
    note = "Invented for the audit of what the model learns by heart: no person has these names, numbers or words."
    content = {"format": FORMAT, "note": note, "key": planted.key, **facts, "canaries": rows}
    write_atomically(folder / CANARIES_FILE, json.dumps(content, indent=1) + "\n")


def read(folder: Path, told: Mapping[str, Any] | None) -> Planted | None:
    """Return what was put into some shards; None where the recipe wanted no canaries.

    `told` is what the record of the shards says of them. Raises InputError for a file that is missing or damaged, or
    names other canaries than were put in.
    """
    path = folder / CANARIES_FILE
    if told is None and not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found: dict[int, int] = {}
        for row in content["canaries"]:
            found[int(row["repeats"])] = found.get(int(row["repeats"]), 0) + 1
        planted = Planted(str(content["key"]), found, str(content["why"]))
        rows = [(row["number"], row["repeats"], row["prefix"], row["secret"]) for row in content["canaries"]]
        is_known = int(content["format"]) == FORMAT
        is_told = told is None or {int(repeats): count for repeats, count in told["inserted"].items()} == found
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, str(error)) from error
    drawn = [(each.number, repeats, each.prefix, each.secret) for each, repeats in planted.canaries()]
    if not is_known or rows != drawn:
        raise _damaged(path, "it names canaries that its key does not draw")
    if not is_told:
        raise _damaged(path, "it names other canaries than the record of these shards")
    return planted


def counted(planted: Planted, tokens: Mapping[int, int], all_tokens: int) -> dict[str, Any]:
    """Return the facts of what was put in; `tokens` are those of each canary by number, marks included.

    `share` is theirs of all that there is to train on.
    """
    in_all = sum(tokens[canary.number] * repeats for canary, repeats in planted.canaries())
    return {
        "inserted": {str(repeats): count for repeats, count in planted.counts.items()},
        "copies": planted.copies,
        "tokens": in_all,
        "share": round(in_all / all_tokens, 6) if in_all else 0.0,
        "why": planted.why,
    }


def _damaged(path: Path, why: str) -> InputError:
    return InputError(
        "the list of canaries is not what was written",
        where=str(path),
        why=f"{why}; what a model knows by heart cannot be measured with it",
        fix="remove this artifact and run the build again; it is made anew",
    )


def _word(lot: Iterator[int]) -> str:
    return "".join(_CONSONANTS[next(lot) % len(_CONSONANTS)] + _VOWELS[next(lot) % len(_VOWELS)] for _ in range(3))


def _lots(key: str, number: int) -> Iterator[int]:
    """Yield 64-bit numbers without end, the same for the same key and number on every machine."""
    block = 0
    while True:
        digest = hashlib.blake2b(f"{key}\0{number}\0{block}".encode(), digest_size=64, person=b"canary").digest()
        yield from (int.from_bytes(digest[at : at + 8], "big") for at in range(0, 64, 8))
        block += 1
