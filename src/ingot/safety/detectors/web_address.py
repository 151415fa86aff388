"""Web addresses: those with a user's name and password in them (RFC 3986, section 3.2.1), and all others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text

_URL = Pattern(r"(?:[A-Za-z][A-Za-z0-9+.-]{1,15}://|www\.)([^\s/?#<>\"'\\]{1,255})[^\s<>\"'\\]*")
_CLOSING = ".,;:!?)]}'\"»”’*_"
_NO_SECRETS = ("", "password", "pass", "secret", "token", "xxx", "***")


@dataclass(frozen=True)
class Config:
    """Settings of the web address detector; there are none."""

    TYPES: ClassVar[tuple[str, ...]] = ("url", "secret.url")
    TRIGGER: ClassVar[str] = r"://|www\."


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the web addresses of a text: `secret.url` for those that hold a password, `url` for the others."""
    whole = Text.of(text)
    if "://" not in whole and "www." not in whole:
        return
    for (start, end), (host, host_end) in _URL.groups(whole):
        if start and whole[start - 1].isalnum():
            continue
        while end > start and whole[end - 1] in _CLOSING:
            end -= 1
        if _holds_password(whole[host:host_end]):
            yield Finding(start, end, "secret.url", "web_address", 0.95)
        elif "." in whole[host:host_end] and end > host:
            yield Finding(start, end, "url", "web_address", 0.9)


def _holds_password(authority: str) -> bool:
    user, at, _ = authority.rpartition("@")
    _, colon, password = user.partition(":")
    return bool(at and colon) and password.lower() not in _NO_SECRETS and not password.startswith(("$", "<", "{", "%"))
