"""The way back from pseudonyms, for one person only: an encrypted file of which stand-in stands for what.

Pseudonyms are derived from a key and need no table; whoever must be able to go back (a duty to answer a data subject,
a correction) keeps maps. They are sealed to the owner's public key with HPKE (RFC 9180: X25519, HKDF-SHA256,
ChaCha20-Poly1305), so that the machine that writes them cannot read them again, nor can anybody who takes the disk.
Each shard writes a map of its own; nothing has to be merged.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically

_MAGIC = b"ingot sealed map 1\n"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@dataclass(frozen=True)
class Pair:
    """A value that was found, its type, and what stands for it."""

    type: str
    value: str
    stand_in: str


def new_owner(private_key: Path) -> str:
    """Make the owner's key pair: the private key goes to a file only its owner can read, the public one is returned."""
    if private_key.exists():
        raise InputError("there is a key already", where=str(private_key), fix="use it, or give another file name")
    key = X25519PrivateKey.generate()
    private_key.touch(mode=0o600)
    write_atomically(
        private_key,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    private_key.chmod(0o600)
    return key.public_key().public_bytes_raw().hex()


def seal(path: Path, made: Mapping[tuple[str, str], str], public_key: str) -> None:
    """Write a map (type and value to stand-in) that only the private key opens. Raises InputError for a broken key."""
    rows = sorted([kind, value, stand_in] for (kind, value), stand_in in made.items())
    content = zlib.compress(json.dumps(rows).encode("ascii"))
    try:
        owner = X25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    except ValueError as error:
        raise InputError(
            "this is no public key of an owner", where=public_key, fix="give what new_owner() returned"
        ) from error
    write_atomically(path, _MAGIC + _SUITE.encrypt(content, owner, info=_MAGIC))


def unseal(path: Path, private_key: Path) -> list[Pair]:
    """Read a map. Raises InputError when the file is no map, was changed, or was sealed for somebody else."""
    payload = path.read_bytes()
    key = serialization.load_pem_private_key(private_key.read_bytes(), None)
    if not payload.startswith(_MAGIC) or not isinstance(key, X25519PrivateKey):
        raise InputError(
            "this is no sealed map, or no owner's key", where=f"{path}, {private_key}", fix="check both names"
        )
    try:
        content = _SUITE.decrypt(payload[len(_MAGIC) :], key, info=_MAGIC)
    except InvalidTag as error:
        raise InputError(
            "the map does not open with this key",
            where=str(path),
            why="it was sealed for another owner, or somebody changed the file",
            fix="use the private key that belongs to the public key of that build",
        ) from error
    return [Pair(*row) for row in json.loads(zlib.decompress(content))]
