"""Requests drawn from a server's own OpenAPI document, and what its answers have against that document.

Every operation is sent what the document allows, and what it does not, both drawn by schemathesis. Half of what is
allowed names the model that is served and things that exist: a request that ends at "no such model" proves little.
What schemathesis calls `positive_data_acceptance` is left out: whether a text names a model, or a prompt fits into its
context, is nothing that a document can say.
"""

from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Unsatisfiable

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports what will go away one day
    import schemathesis
    from schemathesis.specs.openapi.checks import positive_data_acceptance

MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


@dataclass
class Audit:
    """What was sent and what was found: statuses by number, violations as "operation: what", with the request."""

    operations: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    violations: dict[str, str] = field(default_factory=dict)

    @property
    def server_errors(self) -> int:
        """Return how many answers said that the server failed."""
        return sum(count for status, count in self.statuses.items() if status >= 500 and status != 503)


def audit(address: str, key: str, examples: int, things: Mapping[str, str]) -> Audit:
    """Send each operation so many requests of each kind; `things` are values by the name of their parameter."""
    found = Audit()
    headers = {"Authorization": f"Bearer {key}"}
    document = schemathesis.openapi.from_url(f"{address}/openapi.json", headers=headers)
    for result in document.get_all_operations():
        operation = result.ok()
        found.operations += 1
        for mode in MODES:
            _send(operation, mode, headers, examples, things, found)
    return found


def _send(
    operation: Any, mode: Any, headers: Mapping[str, str], examples: int, things: Mapping[str, str], found: Audit
) -> None:
    draw = random.Random(operation.label)

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
    )
    @given(case=operation.as_strategy(generation_mode=mode, headers=dict(headers)))
    def send(case: Any) -> None:
        if mode is MODES[0] and draw.random() < 0.5:
            _name_things(case, things)
        reply = case.call(headers=headers, timeout=60)
        found.statuses[reply.status_code] += 1
        try:
            case.validate_response(reply, excluded_checks=[positive_data_acceptance], headers=headers)
        except Exception as failure:
            for one in getattr(failure, "exceptions", [failure]):
                what = f"{operation.label}: {type(one).__name__} {str(one).splitlines()[0]}"
                found.violations.setdefault(
                    what, f"{case.as_curl_command()[:400]} -> {reply.text[:300]} ({one})"[:1500]
                )

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            send()
    except Unsatisfiable:
        assert mode is MODES[1], f"nothing can be sent to {operation.label}"  # without parameters nothing is wrong


def _name_things(case: Any, things: Mapping[str, str]) -> None:
    for name, value in things.items():
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = value
        if isinstance(case.body, dict) and name in case.body:
            case.body[name] = value


def things(address: str, key: str) -> dict[str, str]:
    """Make one thing of each kind on a server; return their names by those of the parameters they go into."""
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}) as client:
        file = client.post("/v1/files", files={"file": ("a.jsonl", b"{}\n")}, data={"purpose": "batch"}).json()
        agent = client.post("/v1/agents", json={"model": "acme", "name": "a"}).json()
        response = client.post("/v1/responses", json={"model": "acme", "input": "x"}).json()
        talk = client.post("/v1/conversations", json={"model": "acme", "inputs": "x"}).json()
    return {
        "model": "acme",
        "model_id": "acme",
        "file_id": file["id"],
        "input_file_id": file["id"],
        "agent_id": agent["id"],
        "response_id": response["id"],
        "conversation_id": talk["conversation_id"],
    }
