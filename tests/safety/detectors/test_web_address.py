from __future__ import annotations

import pytest

from tests.safety.detectors.found import found


@pytest.mark.parametrize(
    ("text", "kind", "address"),
    [
        ("see https://www.example.org/a?b=c).", "url", "https://www.example.org/a?b=c"),
        ("www.example.org, too", "url", "www.example.org"),
        ("postgres://anna:s3cr3t9@db.example.org/x", "secret.url", "postgres://anna:s3cr3t9@db.example.org/x"),
        ("https://anna@example.org/", "url", "https://anna@example.org/"),
        ("https://${USER}:${PASSWORD}@example.org/", "url", "https://${USER}:${PASSWORD}@example.org/"),
    ],
)
def test_addresses_are_found_and_passwords_told(text: str, kind: str, address: str) -> None:
    assert found("web_address", text) == [(kind, address)]


@pytest.mark.parametrize("text", ["http://", "a://b", "file:///", "www."])
def test_beginnings_without_a_host_are_left(text: str) -> None:
    assert found("web_address", text) == []
