"""An agent is settings with a history: every change makes a version, and any version can be the current one again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ingot.serve.refusal import Refusal

KIND = "agent"


def made(agent_id: str, created: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a new agent."""
    first = {"settings": dict(settings), "at": created}
    return {"id": agent_id, "created_at": created, "versions": [first], "current": 0, "aliases": {}}


def changed(record: Mapping[str, Any], settings: Mapping[str, Any], at: int) -> dict[str, Any]:
    """Return an agent with one more version, in which these settings are other ones."""
    versions = record["versions"]
    latest = {**versions[record["current"]]["settings"], **settings}
    return {**record, "versions": [*versions, {"settings": latest, "at": at}], "current": len(versions)}


def number_of(record: Mapping[str, Any], version: str | int | None) -> int:
    """Return the number of the version that is meant: its number, an alias, or by default the current one.

    Raises Refusal 404.
    """
    if version is None:
        return int(record["current"])
    alias = record["aliases"].get(str(version))
    text = str(version if alias is None else alias["version"])
    if text.isascii() and text.isdecimal() and int(text[:9]) < len(record["versions"]):
        return int(text)
    raise Refusal(404, f"{record['id']} has no version {version!r}", param="version", code="not_found")


def shown(record: Mapping[str, Any], version: int | None = None) -> dict[str, Any]:
    """Return an agent as the API shows it, by default its current version."""
    number = int(record["current"]) if version is None else version
    chosen = record["versions"][number]
    return {
        "id": record["id"],
        "object": "agent",
        "version": number,
        "versions": list(range(len(record["versions"]))),
        "created_at": as_time(record["created_at"]),
        "updated_at": as_time(chosen["at"]),
        "deployment_chat": False,
        "source": "api",
        **{name: value for name, value in chosen["settings"].items() if value is not None},
    }


def as_time(seconds: int) -> str:
    """Return a Unix time as this part of the API writes it (RFC 3339)."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
