"""Artifacts as the runner would leave them, without running anything."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingot.flow.artifact import Artifact, Record
from ingot.flow.home import Home, describe_files


def add(
    home: Home,
    name: str,
    kind: str = "Model",
    files: Mapping[str, Path] | None = None,
    facts: Mapping[str, Any] | None = None,
    **inputs: str,
) -> Artifact:
    """Put the next version of an artifact with these files into a home."""
    home.create()
    work = home.work_path / name
    work.mkdir()
    for file_name, path in (files or {}).items():
        (work / file_name).parent.mkdir(exist_ok=True)
        shutil.copyfile(path, work / file_name)
    if files is None:
        (work / "model.safetensors").write_bytes(b"weights")
    return home.commit(work, _record(home, work, name, kind, facts or {}, inputs))


def _record(
    home: Home, work: Path, name: str, kind: str, facts: Mapping[str, Any], inputs: Mapping[str, str]
) -> Record:
    return Record(
        name=name,
        version=home.next_version(name),
        kind=kind,
        fingerprint=f"{name}-fingerprint",
        step=name,
        run="",
        step_version=1,
        config={},
        inputs=inputs,
        input_fingerprints={},
        decided_by={},
        sources={},
        facts=facts,
        files=describe_files(work),
        made_by={},
        code={},
        started="2026-01-01T00:00:00Z",
        finished="2026-01-01T00:00:01Z",
        seconds=1.0,
        joules=2.0,
        energy_method="estimated",
    )
