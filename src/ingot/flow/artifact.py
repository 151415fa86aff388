"""An Artifact is a folder with a record: what it is, how it was made, from what, by whom, at what price.

The record is written last, inside the folder, before the folder takes its name: an artifact that can be seen is whole.
Records are the truth of the platform; every index is rebuilt from them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError

RECORD_FILE = "record.json"


@dataclass(frozen=True)
class FileEntry:
    """One file of an artifact: its size in bytes and SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Record:
    """How an artifact came to be.

    `inputs` maps names to references; `decided_by` maps config fields to the reference whose fact filled them. Times
    are ISO 8601 in UTC; `seconds` and `joules` include interrupted attempts.
    """

    name: str
    version: int
    kind: str
    fingerprint: str
    step: str
    run: str
    step_version: int
    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    input_fingerprints: Mapping[str, str]
    decided_by: Mapping[str, str]
    sources: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, Any]
    files: Mapping[str, FileEntry]
    made_by: Mapping[str, str]
    code: Mapping[str, str]
    started: str
    finished: str
    seconds: float
    joules: float | None
    energy_method: str
    run_id: str = ""

    @property
    def reference(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    @property
    def parents(self) -> tuple[str, ...]:
        """References of everything this one was made from or decided by, each once, sorted."""
        return tuple(sorted({*self.inputs.values(), *self.decided_by.values()}))

    def as_json(self) -> str:
        """Return the record as indented JSON with sorted keys."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Artifact:
    """A finished artifact: its record and the folder its files lie in."""

    path: Path
    record: Record = field(repr=False)

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def version(self) -> int:
        return self.record.version

    @property
    def kind(self) -> str:
        return self.record.kind

    @property
    def fingerprint(self) -> str:
        return self.record.fingerprint

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.record.facts

    @property
    def reference(self) -> str:
        return self.record.reference


def read_artifact(folder: Path) -> Artifact:
    """Open the artifact in a folder. Raises InputError when its record is missing or not a record."""
    try:
        fields = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        files = {name: FileEntry(**entry) for name, entry in fields.pop("files").items()}
        return Artifact(folder, Record(**fields, files=files))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "this is not a finished artifact",
            where=str(folder / RECORD_FILE),
            why=f"its record cannot be read ({error})",
            fix="remove the folder and run the build again; it is made anew",
        ) from error
