"""What makes two results the same: the step, its declared version, its config literals and its inputs' fingerprints.

Paths, machines, worker counts, credentials and code edits never count (a code edit that changes a result's meaning
raises the step's `version`). Marin's executor gave up hashing paths and code for the same reason: every edit forked
every result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def fingerprint(
    run: str,
    version: int,
    config: Mapping[str, Any],
    inputs: Mapping[str, str],
    sources: Mapping[str, str],
) -> str:
    """Return 32 hex digits that are equal exactly when the identity is equal.

    `inputs` maps input names to fingerprints, `sources` maps source names to content digests.
    """
    identity = {"run": run, "version": version, "config": config, "inputs": inputs, "sources": sources}
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:32]
