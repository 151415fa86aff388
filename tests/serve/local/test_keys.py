from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.serve.local.keys import KeyFile
from ingot.serve.ports import Quota


def test_a_key_file_tells_keys_apart_without_keeping_them(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("secret-one\n\n# comment\nsecret-two # Ada\n")
    keys = KeyFile(path)
    owners = [keys.principal("secret-one"), keys.principal("secret-two")]
    assert None not in owners
    assert len(set(owners)) == 2
    assert keys.principal("# comment") is None
    assert keys.principal(None) is None
    assert "secret" not in repr(vars(keys))
    path.write_text("# nothing\n")
    with pytest.raises(InputError, match="no key"):
        KeyFile(path)


def test_limits_follow_a_key(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("one requests_per_minute=60 weight=2.5 # Ada\ntwo\n")
    keys = KeyFile(path)
    ada, bob = keys.principal("one"), keys.principal("two")
    assert ada is not None
    assert bob is not None
    assert ada.quota == Quota(requests_per_minute=60, weight=2.5)
    assert bob.quota == Quota()


@pytest.mark.parametrize("limit", ["requests=60", "weight=0", "tokens_per_day=-1", "tokens_per_day=1.5", "weight=nan"])
def test_a_wrong_limit_is_named_with_its_line(tmp_path: Path, limit: str) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# ours\none {limit}\n")
    with pytest.raises(InputError) as caught:
        KeyFile(path)
    assert "line 2" in caught.value.where
    assert caught.value.fix


def test_a_key_that_is_taken_out_is_refused_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("one\ntwo\n")
    keys = KeyFile(path)
    assert keys.principal("two") is not None
    path.write_text("one\nthree\nfour\n")
    assert keys.principal("two") is None
    assert keys.principal("three") is not None
    path.unlink()
    assert keys.principal("one") is None


def test_an_operator_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("one operator weight=2\ntwo\noperator\n")
    keys = KeyFile(path)
    found = [keys.principal(key) for key in ("one", "two", "operator")]
    assert [one is not None and one.is_operator for one in found] == [True, False, False]
    assert found[0] is not None
    assert found[0].quota == Quota(weight=2)


def test_a_key_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"\xff\xfes\x00")
    with pytest.raises(InputError, match="cannot be read") as caught:
        KeyFile(path)
    assert (caught.value.where, "byte 0 is 0xff" in caught.value.why) == (str(path), True)
