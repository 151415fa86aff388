from __future__ import annotations

import pytest

from tests.safety.detectors.found import found


@pytest.mark.parametrize(
    ("text", "kind", "address"),
    [
        ("from 203.0.113.200.", "ip_address", "203.0.113.200"),
        ("host 8.8.4.4 answers", "ip_address", "8.8.4.4"),
        ("at 2a00:1450:4001:81b::200e now", "ip_address", "2a00:1450:4001:81b::200e"),
        ("MAC 02:42:ac:11:00:02", "mac_address", "02:42:ac:11:00:02"),
        ("02-42-AC-11-00-02", "mac_address", "02-42-AC-11-00-02"),
    ],
)
def test_addresses_are_found(text: str, kind: str, address: str) -> None:
    assert (kind, address) in found("ip_address", text, private=True)


@pytest.mark.parametrize(
    "text",
    ["Clause 7.1.3.1 says", "version 192.168.20.1", "256.1.1.1", "1.2.3.4.5", "12:30:45", "std::vector::push", "::1"],
)
def test_sections_versions_and_times_are_left(text: str) -> None:
    assert found("ip_address", text) == []


def test_addresses_of_the_house_are_left_unless_asked_for() -> None:
    assert found("ip_address", "192.168.0.1 and 127.0.0.1") == []
    assert len(found("ip_address", "192.168.0.1 and 127.0.0.1", private=True)) == 2
