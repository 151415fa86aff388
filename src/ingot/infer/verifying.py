"""Is a folder still what its record and its certificate say? Answered by hashes alone; no model is opened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError
from ingot.core.storage import sha256_file
from ingot.flow.artifact import RECORD_FILE, Artifact, read_artifact
from ingot.flow.home import damaged_files, describe_files
from ingot.infer.engine import CERTIFICATE_FILE


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and whether it holds."""

    what: str
    holds: bool
    details: str = ""


def folder_of(path: Path) -> Path:
    """Return the folder an export lies in, named by itself or by a file in it. Raises InputError when it is none."""
    folder = path if path.is_dir() else path.parent
    if not (folder / CERTIFICATE_FILE).is_file() and not (folder / RECORD_FILE).is_file():
        raise InputError(
            "here is neither a record nor a certificate to verify by",
            where=str(path),
            fix="name a folder that `ingot export` wrote, or a model of this home",
        )
    return folder


def verify(folder: Path, model: Artifact | None = None) -> Iterator[Finding]:
    """Yield what was found about a folder; `model` is the trained model its certificate names, where it is at hand."""
    artifact = read_artifact(folder) if (folder / RECORD_FILE).is_file() else None
    if artifact is not None:
        damaged, foreign = damaged_files(artifact), sorted(_foreign(artifact))
        yield Finding("files are as recorded", not damaged, _listed(damaged) or f"{len(artifact.record.files)} files")
        yield Finding("nothing was added", not foreign, _listed(foreign))
    if (folder / CERTIFICATE_FILE).is_file():
        certificate = _read(folder / CERTIFICATE_FILE)
        yield from _certified(folder, certificate)
        if model is not None and "trained" in certificate:
            yield _descent(certificate, model)


def _foreign(artifact: Artifact) -> set[str]:
    # Names alone: what is in the record was hashed before.
    there = {path.relative_to(artifact.path).as_posix() for path in artifact.path.rglob("*") if path.is_file()}
    return there - set(artifact.record.files) - {RECORD_FILE}


def _read(path: Path) -> Mapping[str, Any]:
    try:
        certificate = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(certificate, dict)
    except (OSError, ValueError, AssertionError) as error:
        raise InputError("the certificate cannot be read", where=str(path), fix="export the model again") from error
    return certificate


def _certified(folder: Path, certificate: Mapping[str, Any]) -> Iterator[Finding]:
    """Compare files with a certificate: of an export, or of the file beside a model."""
    if "files" in certificate:
        there = {name: entry.sha256 for name, entry in describe_files(folder).items()}
        wrong = [name for name, digest in certificate["files"].items() if there.get(name) != digest]
        yield Finding("the certificate is about these files", not wrong, _listed(wrong))
        said = f"{certificate.get('type')} read by {certificate.get('reader')}"
        yield Finding("the certificate passed", bool(certificate.get("passes")), said)
    elif "file" in certificate:
        path = folder / str(certificate["file"])
        same = path.is_file() and sha256_file(path) == certificate.get("sha256")
        yield Finding("the certificate is about this file", same, path.name)


def _descent(certificate: Mapping[str, Any], model: Artifact) -> Finding:
    there = {name: entry.sha256 for name, entry in model.record.files.items() if name.endswith(".safetensors")}
    return Finding("it was made from this model", there == certificate["trained"]["files"], model.reference)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
