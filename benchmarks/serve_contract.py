"""The server against its own OpenAPI document, requests drawn by the thousand, and what a wrong key tells by its time.

A server with a file of keys, on loopback, and a real, very small model behind it. Every operation of the document is
sent requests that the document allows and requests that it does not, drawn by schemathesis.
"""

from __future__ import annotations

import argparse
import json
import secrets
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.report import Figure, publish
from ingot.serve.app import create_app
from ingot.serve.local.keys import KeyFile
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from tests.infer.tiny_model import make_model
from tests.serve.contract import Audit, audit, things
from tests.serve.running import Counting, listening, served
from tests.serve.scripted import ScriptedEngine

KEYS, REPEATED = 1_000, 40_000


def contract(folder: Path, examples: int) -> Audit:
    """Audit a server that was just started."""
    key = secrets.token_urlsafe(24)
    (folder / "keys").write_text(f"{key} operator training_jobs=2\n", encoding="utf-8")
    engine = ScriptedEngine(make_model(folder / "model"))
    app = create_app(
        OneModel(served(engine, "chat")), KeyFile(folder / "keys"), Counting(), FolderStore(folder / "store")
    )
    with listening(app) as address:
        return audit(address, key, examples, things(address, key))


def key_times(folder: Path, repeated: int) -> dict[str, float]:
    """Return how long the refusal of a wrong key takes, in ns: of one that begins as a true key does, and of another.

    `difference` is between the medians; `spread` is that between two halves of one kind, what chance alone does.
    """
    keys = [secrets.token_urlsafe(32) for _ in range(KEYS)]
    (folder / "many").write_text("\n".join(keys), encoding="utf-8")
    authenticator = KeyFile(folder / "many")
    near, far = keys[0][:-1] + ("a" if keys[0][-1] != "a" else "b"), "x" * len(keys[0])
    taken: dict[str, list[int]] = {near: [], far: []}
    for number in range(repeated // 100):
        for key in (near, far) if number % 2 else (far, near):
            started = time.perf_counter_ns()
            authenticator.principal(key)
            taken[key].append(time.perf_counter_ns() - started)
    one, other = float(np.median(taken[near])), float(np.median(taken[far]))
    halves = np.median(taken[far][::2]) - np.median(taken[far][1::2])
    return {"near_ns": one, "far_ns": other, "difference": abs(one - other), "spread": abs(float(halves))}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer requests, at most two minutes")
    is_quick = options.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        found = contract(Path(name), 3 if is_quick else 25)
        times = key_times(Path(name), REPEATED // (10 if is_quick else 1))
    sent = sum(found.statuses.values())
    figures = [
        Figure("operations of the own OpenAPI", found.operations, "operations", "", None),
        Figure("requests made of it", sent, "requests", "", None),
        Figure("server errors", found.server_errors, "responses", "0", found.server_errors == 0),
        Figure("violations of the schema", len(found.violations), "kinds", "0", not found.violations),
        Figure(
            "time of a key near a known one, over that of a far one",
            times["difference"] / times["far_ns"],
            "of the time",
            "<= 0.02",
            None if is_quick else times["difference"] / times["far_ns"] <= 0.02,
        ),
    ]
    details = {
        "is_quick": is_quick,
        "statuses": {str(status): count for status, count in sorted(found.statuses.items())},
        "violations": list(found.violations.values())[:20],
        "keys": {"keys": KEYS, **times},
    }
    publish("serve_contract", figures, json.loads(json.dumps(details)))


if __name__ == "__main__":
    main()
