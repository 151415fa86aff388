"""Network addresses that point at a person's machine: IPv4 (RFC 791), IPv6 (RFC 4291) and hardware (MAC) addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text, any_word

_FOUR = Pattern(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
_SIX = Pattern(r"(?:[0-9a-fA-F]{0,4}:){2,7}(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-fA-F]{0,4})")
_HARDWARE = Pattern(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}")
_VERSION = re.compile(r"(?:\bv|version|release|section|§|article|paragraph|chapter)[ .]*$", re.IGNORECASE)
_SPEAKS_OF_NETWORKS = any_word(("ip", "host", "server", "client", "dns", "ping", "gateway", "proxy", "network"))
_LIKELY = 64  # four numbers below this are as often a section of a contract or a version
_LEAST_GROUPS = 4  # of IPv6: `::1` and `a::b` are code more often than addresses


@dataclass(frozen=True)
class Config:
    """Settings of the network address detector: whether private and loopback addresses count too."""

    TYPES: ClassVar[tuple[str, ...]] = ("ip_address", "mac_address")
    TRIGGER: ClassVar[str] = r"[0-9]\.[0-9]{1,3}\.[0-9]|:[0-9a-fA-F]{0,4}:|-[0-9A-Fa-f]{2}-"

    private: bool = False


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the network addresses of a text."""
    whole = Text.of(text)
    for start, end in _FOUR.spans(whole):
        if _stands_alone(whole, start, end, ".") and not _VERSION.search(whole.before(start, 12)):
            is_likely = max(map(int, whole[start:end].split("."))) >= _LIKELY or _SPEAKS_OF_NETWORKS.search(
                whole.before(start, 24)
            )
            yield from _address(whole, start, end, config, 0.95 if is_likely else 0.4)
    if ":" not in whole and "-" not in whole:
        return
    for start, end in _SIX.spans(whole):
        if _stands_alone(whole, start, end, ":") and sum(map(bool, whole[start:end].split(":"))) >= _LEAST_GROUPS:
            yield from _address(whole, start, end, config, 0.95)
    for start, end in _HARDWARE.spans(whole):
        if _stands_alone(whole, start, end, ":-") and not whole[start:end].isdigit():
            yield Finding(start, end, "mac_address", "ip_address", 0.9)


def _address(text: str, start: int, end: int, config: Config, confidence: float) -> Iterator[Finding]:
    try:
        address = ipaddress.ip_address(text[start:end])
    except ValueError:
        return
    if not (address.is_unspecified or address.is_multicast) and (config.private or not _is_inside(address)):
        yield Finding(start, end, "ip_address", "ip_address", confidence)


def _is_inside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_loopback or address.is_link_local or address.is_private


def _stands_alone(text: str, start: int, end: int, joints: str) -> bool:
    before, after, further = text[max(0, start - 1) : start], text[end : end + 1], text[end + 1 : end + 2]
    is_open = before.isalnum() or (before != "" and before in joints)
    return not is_open and not after.isalnum() and not (after != "" and after in joints and further.isalnum())
