"""The frozen table is what the rules and Unicode say, so nobody has changed one without the other."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from ingot.data import characters
from ingot.data.statistics import freeze


def frozen() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(characters.FILE.read_text(encoding="utf-8"))
    return table


def is_settled(character: str) -> bool:
    """Say whether a character was there long ago: what came later is new in some versions of Python."""
    return unicodedata.ucd_3_2_0.category(character) == unicodedata.category(character)


def test_every_trait_is_what_its_rule_says() -> None:
    tests = freeze.tests()
    assert set(tests) == set(frozen()["traits"]) == set(characters.TRAITS)
    table = characters.table()
    wrong = [
        (name, hex(code))
        for place, name in enumerate(characters.TRAITS)
        for code in [*range(0xD800), *range(0xE000, 0x11000)]
        if bool(table[code] >> (32 + place) & 1) != tests[name](chr(code)) and is_settled(chr(code))
    ]
    assert wrong == []


def test_lower_case_is_pythons() -> None:
    lower = frozen()["lower"]
    changed = dict(zip(lower["from"], lower["to"], strict=True))
    wrong = [
        one
        for one in map(chr, [*range(0xD800), *range(0xE000, 0x11000)])
        if len(one.lower()) == 1 and changed.get(one, one) != one.lower() and is_settled(one)
    ]
    assert wrong == []


def test_the_file_is_what_the_script_writes() -> None:
    table = frozen()
    assert freeze.as_text(table) == characters.FILE.read_text(encoding="utf-8")
    assert table["unicode"] >= "14"
