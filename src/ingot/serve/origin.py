"""Where a request comes from, as far as it decides which version answers."""

from __future__ import annotations

from functools import partial

from pydantic import BaseModel

from ingot.serve.ports import Origin, Principal


def origin_of(caller: Principal, body: BaseModel) -> Origin:
    """Return the origin of a request: the key, the person behind it where the body names one, and the conversation."""
    person = getattr(body, "safety_identifier", None) or getattr(body, "user", None) or ""
    return Origin(f"{caller.id}\0{person}", partial(_opening, body))


def _opening(body: BaseModel) -> str:
    """Return the first words of a person: all requests of a conversation repeat them, and other messages may change."""
    return next((f"0{one.text}" for one in getattr(body, "messages", ()) if one.role == "user"), "")
