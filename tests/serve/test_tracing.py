from __future__ import annotations

import httpx
import pytest

from ingot.serve.tracing import trace_of
from tests.serve.running import Counting, eventually

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (f"42-{TRACE}-00f067aa0ba902b7-01-of a later version", TRACE),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", ""),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", ""),
        ("", ""),
        ("00-" * 10_000, ""),
    ],
)
def test_the_id_of_a_trace(header: str, trace: str) -> None:
    assert trace_of(header) == trace


def test_usage_tells_the_trace_of_its_request(address: str, meter: Counting) -> None:
    meter.records.clear()
    body = {"model": "acme", "prompt": "x", "max_tokens": 1}
    for headers in ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, {}):
        assert httpx.post(f"{address}/v1/completions", json=body, headers=headers).status_code == 200
    eventually(lambda: len(meter.records) == 2)
    assert [used.trace for used in meter.records] == [TRACE, None]
