"""What the items of a snapshot hold."""

from __future__ import annotations

from ingot.core.plugins import load
from ingot.flow.source import Snapshot


def contents(found: Snapshot) -> dict[str, bytes]:
    """Return the bytes of every item by its name."""
    entry = load("connector", found.connector).entry
    result = {}
    for item in found.items:
        # A plug-in is loaded by its name, so its class is known at run time only.
        with entry.open(item) as stream:  # type: ignore[attr-defined]
            result[item.uri] = stream.read()
    return result


def texts(found: Snapshot) -> dict[str, str]:
    """Return the text of every item by its name."""
    return {uri: content.decode("utf-8") for uri, content in contents(found).items()}
