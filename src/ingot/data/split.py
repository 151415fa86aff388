"""Which documents are held out: whole groups of similar ones, chosen by a hash, about one byte in twenty.

A model must be judged on texts it has not seen, so near-duplicates go to the same side, at a looser similarity than the
one that drops them, and so do the pieces of one file. The choice depends on the contents alone: it is the same on every
machine, and most of it stays when documents are added. A single text has no second group: its end is held out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingot.data.cutting import boundary
from ingot.data.decoding import Encoding

_LARGEST_OVERSHOOT = 1.5
_CUT_FRACTION = 0.1

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Config:
    """Share of the bytes to hold out, and from which estimated similarity on documents stay on one side."""

    held_out_fraction: float = 0.05
    similarity: float = 0.5


@dataclass(frozen=True)
class Split:
    """Which documents are held out; or, when there is only one group, the document whose end is (`cut`)."""

    is_held_out: npt.NDArray[np.bool_]
    cut: int | None


def split(
    groups: Integers, parents: Sequence[str | None], sizes: Integers, fingerprints: Sequence[bytes], config: Config
) -> Split:
    """Split documents given their similarity group, parent, bytes of text and fingerprint."""
    families = _with_parents(groups, parents, sizes)
    members = _members(families)
    if len(members) < 2:
        return Split(np.zeros(len(sizes), np.bool_), int(np.argmax(sizes)))
    ordered = sorted(members.values(), key=lambda group: _hash(group, fingerprints))
    is_held_out = np.zeros(len(sizes), np.bool_)
    for group in _chosen(ordered, sizes, config.held_out_fraction):
        is_held_out[group] = True
    return Split(is_held_out, None)


def cut_in_two(text: str) -> tuple[str, str]:
    """Cut off about the last tenth of a text, at a paragraph, line or word boundary."""
    payload = text.encode("utf-8", errors="replace")
    place = boundary(payload[: int(len(payload) * (1 - _CUT_FRACTION))], Encoding("utf-8"))
    return payload[:place].decode("utf-8"), payload[place:].decode("utf-8")


def _with_parents(groups: Integers, parents: Sequence[str | None], sizes: Integers) -> Integers:
    """Join the pieces of a file, unless that would put more than half of everything into one family."""
    root = groups.copy()
    first: dict[str, int] = {}
    for number, parent in enumerate(parents):
        if parent is None:
            continue
        left, right = sorted((int(root[number]), int(root[first.setdefault(parent, number)])))
        if left != right:
            root[root == right] = left
    largest = max(int(sizes[group].sum()) for group in _members(root).values())
    return root if 2 * largest <= int(sizes.sum()) else groups


def _members(groups: Integers) -> dict[int, list[int]]:
    members: dict[int, list[int]] = {}
    for number, group in enumerate(groups.tolist()):
        members.setdefault(group, []).append(number)
    return members


def _hash(group: Sequence[int], fingerprints: Sequence[bytes]) -> bytes:
    return hashlib.sha256(b"".join(sorted(fingerprints[number] for number in group))).digest()


def _chosen(ordered: Sequence[list[int]], sizes: Integers, fraction: float) -> list[list[int]]:
    target = fraction * int(sizes.sum())
    chosen: list[list[int]] = []
    taken = 0
    for group in ordered:
        size = int(sizes[group].sum())
        if taken + size <= _LARGEST_OVERSHOOT * target:
            chosen.append(group)
            taken += size
        if taken >= target:
            return chosen
    # Few or large groups: at least one must be held out, the smallest does least harm to the training text.
    return chosen or [min(ordered, key=lambda group: int(sizes[group].sum()))]
