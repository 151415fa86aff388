from __future__ import annotations

import pytest

from tests.safety.detectors.found import found

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nq83v==\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("AKIAIOSFODNN7EXAMPLE", "aws_key"),
        ("ghp_" + "a1B2" * 9, "github_token"),
        ("xoxb-" + "1234567890-abcdef", "slack_token"),
        ("sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "stripe_key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "jwt"),
        ("AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY", "google_key"),
    ],
)
def test_tokens_are_known_by_their_prefix(text: str, kind: str) -> None:
    assert found("secret", f"use {text} here") == [(f"secret.{kind}", text)]


def test_key_blocks_are_found_whole() -> None:
    assert found("secret", f"before\n{KEY}\nafter") == [("secret.private_key", KEY)]


def test_a_block_without_an_end_stops_at_the_prose() -> None:
    text = KEY.rpartition("-----END")[0] + "\nThis is a sentence."
    ((kind, block),) = found("secret", text)
    assert kind == "secret.private_key"
    assert "q83v==" in block
    assert "sentence" not in block


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("password: hunter2!", "hunter2!"),
        ('"api_key": "9f8e7d6c5b4a39281706"', "9f8e7d6c5b4a39281706"),
        ("Passwort = Sommer2024", "Sommer2024"),
        ("client_secret=Zx81-kPq90-LmN4v", "Zx81-kPq90-LmN4v"),
    ],
)
def test_values_given_to_a_secrets_name_are_found(text: str, value: str) -> None:
    assert found("secret", text) == [("secret.value", value)]


@pytest.mark.parametrize(
    "text",
    [
        "password: required",
        "password = os.environ['X']",
        "token: str = get_token()",
        "the password is wrong.",
        "password: ********",
        "api_key=<your key>",
        "secret = config.secret",
        "-----BEGIN PUBLIC KEY-----",
        "token = next_identifier_in_line",
    ],
)
def test_code_and_placeholders_are_left(text: str) -> None:
    assert found("secret", text) == []
