"""Personal data is masked or replaced consistently; the record holds none of it, and nothing is dropped here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingot.core.config import load as load_config
from ingot.core.errors import InputError, UsageError
from ingot.data.batch import of_texts
from ingot.data.edits import Change, apply, records
from ingot.data.transforms.personal_data import Config, Transform
from ingot.safety.pseudonyms import new_key
from ingot.safety.sealed_map import new_owner, unseal

TEXT = "Dear Anna Rossi, mail ann@example.org or pay to DE89 3704 0044 0532 0130 00.\n"


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "key"
    path.write_text(new_key().hex() + "\n")
    return f"file:{path}"


def changed(text: str, **options: Any) -> str:
    (edits,) = Transform(Config(**options)).edits(of_texts([text]), None)
    return apply(text, Change("personal_data", tuple(edits)))


def test_what_identifies_somebody_is_masked() -> None:
    assert changed(TEXT) == "Dear [PERSON], mail [EMAIL] or pay to [IBAN].\n"


def test_types_can_be_kept() -> None:
    assert changed(TEXT, actions={"person": "keep", "iban": "keep"}) == TEXT.replace("ann@example.org", "[EMAIL]")


def test_pseudonyms_are_the_same_everywhere(key: str) -> None:
    options: dict[str, Any] = {"actions": {"email": "pseudonym"}, "key": key}
    first, second = (changed(f"{start} ann@example.org", **options) for start in ("Ask", "Or write to"))
    assert first.split()[-1] == second.split()[-1]
    assert "@example." in first
    assert "ann@" not in first


def test_the_record_holds_the_type_and_not_the_data() -> None:
    (edits,) = Transform(Config()).edits(of_texts([TEXT]), None)
    kept = records(TEXT, [Change("personal_data", tuple(edits))])
    assert [row["why"] for row in kept] == ["person", "email", "iban"]
    assert "ann" not in json.dumps(kept)


def test_only_the_owner_can_go_back(key: str, tmp_path: Path) -> None:
    owner = new_owner(tmp_path / "owner.pem")
    config = Config(actions={"email": "pseudonym"}, key=key, owner=owner, maps=str(tmp_path / "maps"))
    batch = of_texts([TEXT])
    for _ in range(2):
        Transform(config).edits(batch, None)
    (sealed,) = (tmp_path / "maps").iterdir()
    assert b"ann@example.org" not in sealed.read_bytes()
    assert [(pair.type, pair.value) for pair in unseal(sealed, tmp_path / "owner.pem")] == [
        ("email", "ann@example.org")
    ]


def test_your_own_patterns_are_masked() -> None:
    patterns = {"user_pattern": {"patterns": {"customer": r"\bC-[0-9]{6}\b"}}}
    assert changed("Customer C-123456 called.", detectors=patterns) == "Customer [CUSTOMER] called."


@pytest.mark.parametrize(
    "options",
    [
        {"actions": {"email": "pseudonym"}},
        {"actions": {"emial": "mask"}},
        {"owner": "00"},
        {"detectors": {"emial": {}}},
        {"key": "0123456789abcdef"},
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Transform(Config(**options))


def test_documents_are_not_dropped_here() -> None:
    with pytest.raises(UsageError, match="drop"):
        load_config(Config, {"actions": {"email": "drop"}}, "transform personal_data")


def test_a_key_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("not hexadecimal")
    with pytest.raises(InputError, match="hexadecimal"):
        Transform(Config(key=f"file:{tmp_path / 'key'}"))
