"""E-mail addresses, also written as `name [at] example [dot] org`.

The plain form follows RFC 5321 and RFC 6531 as far as people use it: no quoted local parts, and a last label of
letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text

_PLAIN = Pattern(
    r"""[^\x00-\x20"(),:;<>@\[\\\]|\x7f]{1,64}@(?:[A-Za-z0-9-]|[^\x00-\x7f]){1,63}"""
    r"""(?:\.(?:[A-Za-z0-9-]|[^\x00-\x7f]){1,63}){1,8}"""
)
_SPELLED = Pattern(
    r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,63} {0,2}[\[({<] ?at ?[\])}>] {0,2}[A-Za-z0-9-]{1,63}"
    r"(?: {0,2}[\[({<] ?(?:dot|punkt|point|punto) ?[\])}>] {0,2}[A-Za-z0-9-]{2,63}| ?\.[A-Za-z0-9-]{2,63}){1,4}",
    ignore_case=True,
)
_LEFT_OVER = "'`*_~=+&!?./-#{}$%^"  # may stand in an address, but rarely at its beginning
_TOP = re.compile(r"(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59})\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Config:
    """Settings of the e-mail detector: whether addresses spelled out with [at] count too."""

    TYPES: ClassVar[tuple[str, ...]] = ("email",)
    TRIGGER: ClassVar[str] = r"@|[\[({<] ?(?i:at)"

    spelled_out: bool = True


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the e-mail addresses of a text."""
    whole = Text.of(text)
    if "@" in whole:
        for start, end in _PLAIN.spans(whole):
            while whole[start] in _LEFT_OVER:
                start += 1
            if whole[start] != "@" and _TOP.search(whole[start:end].rpartition(".")[2]):
                yield Finding(start, end, "email", "email", 0.98)
    if config.spelled_out and _may_be_spelled(whole):
        for start, end in _SPELLED.spans(whole):
            yield Finding(start, end, "email", "email", 0.85)


def _may_be_spelled(text: Text) -> bool:
    return any(opening in text for opening in ("[at", "(at", "{at", "<at", "[ at", "( at", "[AT", "(AT"))
