"""Which trace of its caller a request belongs to: the header `traceparent` (W3C Trace Context, section 3.2).

It is written into the line of usage, so that whoever traces a request across services finds what it cost here. Nothing
is sent anywhere.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def trace_of(header: str) -> str:
    """Return the id of the trace, or nothing for a header that says none; a caller's mistake is no error here.

    >>> trace_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    '4bf92f3577b34da6a3ce929d0e0e4736'
    """
    found = _HEADER.fullmatch(header.strip())
    return found[1] if found else ""
