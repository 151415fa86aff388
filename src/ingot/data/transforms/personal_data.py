"""Mask personal data, or put consistent pseudonyms in its place, type by type.

The detectors of safety find it and its policy says what to do (see safety/policy and safety/pseudonyms); by default
what identifies somebody directly becomes its type in brackets. Documents are dropped by a rule on what the filter of
the same name counted, not here. A map back from pseudonyms is kept only for an owner, sealed to a public key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from ingot.core.errors import InputError, UsageError
from ingot.core.secrets import read_secret
from ingot.data.batch import TextBatch
from ingot.data.edits import Edit
from ingot.safety.detection import detectors, find
from ingot.safety.policy import Policy
from ingot.safety.pseudonyms import Pseudonyms
from ingot.safety.redact import replacements
from ingot.safety.sealed_map import seal

_WHERE = "transform personal_data"


@dataclass(frozen=True)
class Config:
    """What to do with each type or family (`actions`, over safety's defaults), and how sure a finding must be.

    Pseudonyms need a `key` of 32 bytes as hex, named as `file:PATH` or `env:NAME`; `owner`, a public key, and `maps`, a
    folder, ask for sealed maps. `detectors` holds options by detector.
    """

    actions: Mapping[str, Literal["keep", "mask", "pseudonym"]] = field(default_factory=dict)
    least_confidence: float = 0.5
    detectors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    key: str = ""
    owner: str = ""
    maps: str = ""


class Transform:
    """Describes the replacements a policy asks for. Raises UsageError for a policy or a key that cannot be used."""

    surveys = False

    def __init__(self, config: Config) -> None:
        self._config = config
        self._policy = Policy(dict(config.actions), config.least_confidence)
        self._detectors = detectors(config.detectors, self._policy.wanted)
        self._key = _key(config.key) if config.key else None
        if "pseudonym" in config.actions.values() and self._key is None:
            raise UsageError(
                "pseudonyms need a key",
                where=_WHERE,
                why="they are derived from the value and a secret, so that nobody without it can repeat them",
                fix="set its option key to file:PATH, a file that holds 64 hexadecimal digits",
            )
        if bool(config.owner) != bool(config.maps):
            raise UsageError("sealed maps need an owner and a folder", where=_WHERE, fix="set both owner and maps")

    def edits(self, batch: TextBatch, state: pa.Table | None) -> Sequence[Sequence[Edit]]:
        """Return the replacements of every text; a map of the pseudonyms among them is left with the owner."""
        pseudonyms = Pseudonyms(self._key) if self._key else None
        made = []
        for text in batch.strings:
            found = replacements(text, find(text, self._detectors), self._policy, pseudonyms)
            made.append([Edit(each.start, each.end, each.text, each.type) for each in found])
        if pseudonyms is not None and self._config.owner and pseudonyms.made:
            folder = Path(self._config.maps)
            folder.mkdir(parents=True, exist_ok=True)
            # Named for its documents: a batch that is read twice leaves one map.
            seal(folder / f"{_digest(batch)}.sealed", pseudonyms.made, self._config.owner)
        return made


def _key(reference: str) -> bytes:
    secret = read_secret(reference, f"{_WHERE}: key").reveal()
    try:
        return bytes.fromhex(secret.strip())
    except ValueError:
        fix = "make one with new_key() of ingot.safety.pseudonyms"
        raise InputError("the key is not written in hexadecimal digits", where=f"{_WHERE}: key", fix=fix) from None


def _digest(batch: TextBatch) -> str:
    ids = "\n".join(batch.rows.column("doc_id").to_pylist())
    return hashlib.sha256(ids.encode("utf-8", "surrogatepass")).hexdigest()[:32]
