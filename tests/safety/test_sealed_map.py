from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.safety.sealed_map import Pair, new_owner, seal, unseal

MADE = {("person", "Zofia Brandt"): "Elif Kaya", ("email", "zofia@example.org"): "k7d2m4qa@example.net"}


def test_only_the_owner_opens_a_map(tmp_path: Path) -> None:
    private = tmp_path / "owner.pem"
    public = new_owner(private)
    seal(tmp_path / "0001.sealed", MADE, public)
    assert unseal(tmp_path / "0001.sealed", private) == [
        Pair("email", "zofia@example.org", "k7d2m4qa@example.net"),
        Pair("person", "Zofia Brandt", "Elif Kaya"),
    ]
    assert stat.S_IMODE(os.stat(private).st_mode) == 0o600
    new_owner(tmp_path / "other.pem")
    with pytest.raises(InputError, match="does not open"):
        unseal(tmp_path / "0001.sealed", tmp_path / "other.pem")


def test_the_file_tells_nothing_and_notices_changes(tmp_path: Path) -> None:
    private = tmp_path / "owner.pem"
    path = tmp_path / "map.sealed"
    public = new_owner(private)
    seal(path, MADE, public)
    payload = path.read_bytes()
    assert b"Zofia" not in payload
    assert b"Elif" not in payload
    seal(tmp_path / "again.sealed", MADE, public)
    assert (tmp_path / "again.sealed").read_bytes() != payload
    path.write_bytes(payload[:-1] + bytes([payload[-1] ^ 1]))
    with pytest.raises(InputError, match="does not open"):
        unseal(path, private)
    path.write_bytes(b"something else")
    with pytest.raises(InputError, match="no sealed map"):
        unseal(path, private)


def test_keys_are_not_overwritten_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    private = tmp_path / "owner.pem"
    new_owner(private)
    with pytest.raises(InputError, match="a key already"):
        new_owner(private)
    with pytest.raises(InputError, match="no public key"):
        seal(tmp_path / "map.sealed", MADE, "abcd")
