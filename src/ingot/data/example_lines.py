"""Examples as lines of files: labels, pairs, conversations; and which of them are kept aside to measure on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b

from ingot.core.errors import UsageError
from ingot.core.plugins import load as load_plugin
from ingot.flow.source import Snapshot

_SCALE = 1 << 32


def check_share(share: float, where: str) -> None:
    """Raise UsageError when a share to keep aside is none."""
    if not 0 <= share < 1:
        raise UsageError(f"held_out_share is {share}", where=where, fix="choose 0 to below 1; 0.05 is usual")


def lines(sources: Mapping[str, Snapshot]) -> Iterator[tuple[str, bytes]]:
    """Yield the lines of all sources that hold something, each with where it stands."""
    for _, snapshot in sorted(sources.items()):
        for item in snapshot.items:
            # A plug-in is loaded by its name, so its class is known at run time only.
            opened = load_plugin("connector", snapshot.connector).entry.open(item)  # type: ignore[attr-defined]
            with opened as file:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        yield f"{item.uri}:{number}", line


def is_held_out(content: bytes, share: float) -> bool:
    """Choose by content, so that the same example is kept aside in every run."""
    return int.from_bytes(blake2b(content, digest_size=4).digest(), "little") < share * _SCALE
