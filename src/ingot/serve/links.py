"""Links to files that work without a key, for a while: what is signed is the file, its owner and when the link ends.

A link is `/links/<token>`; a token is what it says, and a keyed hash (HMAC-SHA256, RFC 2104) of that, both in base64.
Only this server has the key, so nobody can make a link of his own, or make one last longer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from ingot.serve.refusal import Refusal

PATH = "/links/"
KEY_BYTES = 32


@dataclass(frozen=True)
class Linked:
    """What a link leads to: a file of a principal."""

    principal: str
    file_id: str


class Links:
    """Makes and reads links. `clock` returns Unix time."""

    def __init__(self, key: bytes | None = None, clock: Callable[[], float] = time.time) -> None:
        self._key, self._clock = key or secrets.token_bytes(KEY_BYTES), clock

    def make(self, linked: Linked, seconds: float) -> str:
        """Return the path of a link that ends after so many seconds."""
        said = json.dumps([linked.principal, linked.file_id, int(self._clock() + seconds)]).encode()
        return f"{PATH}{_text(said)}.{_text(self._signed(said))}"

    def read(self, token: str) -> Linked:
        """Return what a token leads to. Raises Refusal 403 for one that has ended, or was not made here."""
        said_text, _, signature_text = token.partition(".")
        try:
            said, signature = _bytes(said_text), _bytes(signature_text)
        except ValueError:
            said, signature = b"", b""
        # Nothing of what it says is believed, or even read, before the signature is known to be ours.
        if not hmac.compare_digest(signature, self._signed(said)):
            message = "this link was not made by this server, or was changed: ask for a new one"
            raise Refusal(403, message, code="bad_link")
        principal, file_id, ends = json.loads(said)
        if self._clock() >= ends:
            raise Refusal(403, "this link has ended: ask for a new one", code="link_expired")
        return Linked(principal, file_id)

    def _signed(self, said: bytes) -> bytes:
        return hmac.digest(self._key, b"ingot link\0" + said, hashlib.sha256)


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
