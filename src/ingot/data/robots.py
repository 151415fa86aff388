"""What a site asks of robots, after RFC 9309: the longest rule that fits a path decides, and allowing wins a tie."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass

_MOST_BYTES = 500 << 10
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True)
class Rules:
    """The rules of one site for one robot: (path pattern, whether it is allowed), and the pause it asks for."""

    rules: tuple[tuple[str, bool], ...] = ()
    delay_seconds: float = 0.0

    def allows(self, path: str) -> bool:
        """Say whether the robot may ask for a path (with its query)."""
        wanted = _normal(path)
        fitting = [(len(pattern), allowed) for pattern, allowed in self.rules if _fits(pattern, wanted)]
        return max(fitting, default=(0, True))[1]


NOTHING = Rules((("/", False),))


def read_robots(content: bytes, agent: str) -> Rules:
    """Return the rules of a robots.txt for `agent`, or for everybody where it is not named."""
    named: dict[str, list[tuple[str, str]]] = {}
    agents: list[str] = []
    is_listing_agents = False
    for key, value in _lines(content[:_MOST_BYTES].decode("utf-8", errors="replace").splitlines()):
        if key == "user-agent":
            agents = [*(agents if is_listing_agents else []), value.lower()]
            named.setdefault(value.lower(), [])
            is_listing_agents = True
            continue
        is_listing_agents = False
        for name in agents:
            named[name].append((key, value))
    lines = named.get(agent.lower(), named.get("*", []))
    rules = tuple((_normal(value), key == "allow") for key, value in lines if key in ("allow", "disallow") and value)
    return Rules(rules, max((_seconds(value) for key, value in lines if key == "crawl-delay"), default=0.0))


def _lines(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        key, separator, value = line.partition("#")[0].partition(":")
        if separator:
            yield key.strip().lower(), value.strip()


def _fits(pattern: str, path: str) -> bool:
    """Match `*` and a final `$` without going back, so that no pattern is slow."""
    is_whole = pattern.endswith("$")
    first, *rest = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    place = len(first)
    for number, part in enumerate(rest, start=1):
        is_last = number == len(rest)
        found = path.rfind(part, place) if is_last and is_whole else path.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return place == len(path) or not is_whole


def _normal(path: str) -> str:
    """Write a path in one way: what needs no escape has none, everything else has one in capitals."""
    quoted = urllib.parse.quote(path, safe="/?&=+$,;:@!~*'()%-._#[]")
    return _ESCAPE.sub(_unescaped, quoted)


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _seconds(value: str) -> float:
    try:
        return min(max(0.0, float(value)), 60.0)
    except ValueError:
        return 0.0
