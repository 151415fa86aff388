"""Secrets and keys: private key blocks, tokens whose prefix tells their issuer, values given to a word like `password`.

Prefixes come from the issuers' public documentation. A value without a known prefix must look random: Shannon entropy
(1948) above what words have.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text

_BLOCK = Pattern(r"-----BEGIN ((?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?)-----")
_LONGEST_BLOCK = 20_000
_PREFIXED = {
    "aws_key": r"(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}",
    "github_token": r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}",
    "gitlab_token": r"glpat-[A-Za-z0-9_-]{20,64}",
    "slack_token": r"xox[abeoprs]-[A-Za-z0-9-]{10,250}",
    "slack_hook": r"hooks\.slack\.com/services/[A-Za-z0-9/]{20,100}",
    "google_key": r"AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,300}",
    "stripe_key": r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,100}",
    "openai_key": r"sk-(?:proj-|svcacct-|ant-)?[A-Za-z0-9_-]{32,200}",
    "huggingface_token": r"hf_[A-Za-z0-9]{30,60}",
    "npm_token": r"npm_[A-Za-z0-9]{36}",
    "package_token": r"pypi-[A-Za-z0-9_-]{50,250}",
    "sendgrid_key": r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}",
    "twilio_key": r"SK[0-9a-f]{32}",
    "telegram_token": r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",
    "vault_token": r"hv[sb]\.[A-Za-z0-9_-]{24,200}",
    "age_key": r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
    "jwt": r"eyJ[A-Za-z0-9_-]{8,300}\.eyJ[A-Za-z0-9_-]{8,1000}\.[A-Za-z0-9_-]{8,700}",
}
_TOKENS = Pattern("|".join(f"({shape})" for shape in _PREFIXED.values()))
_GIVEN = Pattern(
    r"(password|passwort|passwd|passphrase|pwd|mot de passe|contraseña|wachtwoord|parola|secret|token|"
    r"api[_ -]?key|access[_ -]?key|account[_ -]?key|client[_ -]?secret|private[_ -]?key|auth[_ -]?key|credentials?)"
    r"[\"'`]?\s{0,3}(?::=|=>|=|:|\bis\b|\bist\b|\best\b)\s{0,3}[\"'`]?([^\s\"'`,;<>]{6,200})",
    ignore_case=True,
)
_TRIGGER = (
    r"PRIVATE KEY|(?i:passw|passp|pwd|mot de passe|contrase|wachtwoord|parola|secret|token|credential|"
    r"(?:api|access|account|private|auth)[_ -]?key)|AKIA|ASIA|AGPA|AIDA|AROA|ANPA|gh[pousr]_|github_pat|glpat|xox|"
    r"hooks\.slack|AIza|ya29|[srp]k_|sk-|hf_|npm_|pypi-|SG\.|SK[0-9a-f]{8}|:AA|hv[sb]\.|AGE-|eyJ"
)
_PASSWORDS = re.compile(r"pass|pwd|contrase|wacht|parola", re.IGNORECASE)
_NO_VALUE = re.compile(
    r"[$%{<(\[]|.*[({]|.*\.\.\.|.*\*\*|x{4,}|(?:none|null|true|false|undefined|required|optional|string|"
    r"changeme|example|your[_-]|process\.|os\.|self\.|config\.|settings\.|env\.|https?:)",
    re.IGNORECASE,
)
_BASE64 = frozenset(string.ascii_letters + string.digits + "+/=")
_SHORTEST_VALUE = 6
_CLOSING = ".)]}"
_RANDOM_BITS = 3.2  # per character; identifiers of code stay below


@dataclass(frozen=True)
class Config:
    """Settings of the secret detector: the bits per character from which a value counts as random."""

    TYPES: ClassVar[tuple[str, ...]] = ("secret",)
    TRIGGER: ClassVar[str] = _TRIGGER

    least_bits: float = _RANDOM_BITS


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the secrets of a text; the type's member says which: `secret.private_key`, `secret.jwt`, ..."""
    whole = Text.of(text)
    yield from _blocks(whole)
    for (start, end), *groups in _TOKENS.groups(whole):
        member = next(name for name, span in zip(_PREFIXED, groups, strict=True) if span[0] >= 0)
        if not (start and (whole[start - 1].isalnum() or whole[start - 1] == "_")):
            yield Finding(start, end, f"secret.{member}", "secret", 0.97)
    for _, (word, word_end), (start, end) in _GIVEN.groups(whole):
        value = whole[start:end].rstrip(_CLOSING)
        if _is_value(whole[word:word_end], value, config):
            yield Finding(start, start + len(value), "secret.value", "secret", 0.8)


def _blocks(text: Text) -> Iterator[Finding]:
    if "PRIVATE KEY" not in text:
        return
    last = 0
    for (start, end), (label, label_end) in _BLOCK.groups(text):
        if start < last:
            continue
        closing = f"-----END {text[label:label_end]}-----"
        place = text.find(closing, end, end + _LONGEST_BLOCK)
        last = place + len(closing) if place >= 0 else _end_of_base64(text, end)
        yield Finding(start, last, "secret.private_key", "secret", 0.99)


def _end_of_base64(text: str, start: int) -> int:
    """Return where the key of a block ends that was cut off: the last line that can be Base64."""
    end = start
    for line in text[start : start + _LONGEST_BLOCK].splitlines(keepends=True):
        if not _BASE64.issuperset(line.strip()) or (end > start and not line.strip()):
            break
        end += len(line)
    return end


def _is_value(word: str, value: str, config: Config) -> bool:
    if len(value) < _SHORTEST_VALUE or _NO_VALUE.match(value):
        return False
    if _PASSWORDS.search(word):
        return not value.isalpha() or bits(value) >= config.least_bits
    return any(character.isdigit() for character in value) and bits(value) >= config.least_bits and len(value) >= 12


def bits(value: str) -> float:
    """Return the Shannon entropy of a text's characters, in bits per character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
