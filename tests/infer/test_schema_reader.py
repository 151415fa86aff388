from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest

from ingot.core.errors import IngotError, InputError
from ingot.core.sandbox import Failure, Finished
from ingot.infer import schema_reader
from ingot.infer.schema_reader import SchemaReader


@pytest.fixture(scope="module")
def reader() -> Iterator[SchemaReader]:
    reader = SchemaReader()
    yield reader
    reader.close()


def test_a_verdict_has_its_place_and_is_kept(reader: SchemaReader) -> None:
    reader.check({"type": "object", "properties": {"a": {"type": "integer"}}})
    for _ in range(2):
        with pytest.raises(InputError, match="contains") as caught:
            reader.check({"items": {"contains": {}}})
        assert caught.value.where == "#/items/contains"
        assert caught.value.fix
    with pytest.raises(InputError, match="characters"):
        reader.check({"const": "x" * 300_000})
    with pytest.raises(InputError, match="JSON"):
        reader.check({"minimum": float("nan")})


def test_one_that_takes_too_long_costs_a_second_and_nobody_else(reader: SchemaReader) -> None:
    options = [{"type": "object", "properties": {f"p{j}": {"enum": [i, j]} for j in range(40)}} for i in range(40)]
    with pytest.raises(InputError, match="processor time") as caught:
        reader.check({"oneOf": options})
    assert caught.value.where == "#"
    reader.check({"const": "still there"})


@pytest.mark.parametrize("kind", ["memory", "timeout", "crash"])
def test_what_ends_a_child_is_told_as_a_limit(kind: Any) -> None:
    told = schema_reader._told([Finished(0, Failure(kind, "it ended"))])
    assert told is not None
    assert "256 MiB" in told["what"]
    with pytest.raises(IngotError, match="could not be read"):
        schema_reader._told([Finished(0, Failure("error", "KeyError: 'a'"))])


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|a)*b", "((a{1,90}){1,90})+$", "(.*a){20}", "[" * 300, "(" * 300])
def test_no_pattern_hangs(reader: SchemaReader, pattern: str) -> None:
    with suppress(InputError):
        reader.check({"type": "string", "pattern": pattern})
    reader.check({"const": "still there"})


def test_thousands_of_schemas_leave_nothing_behind(reader: SchemaReader) -> None:
    def read(some: range) -> None:
        for number in some:
            reader.check({"type": "object", "properties": {f"p{number}": {"type": "string", "maxLength": number}}})

    def ask(first: int, last: int) -> None:
        askers = [threading.Thread(target=read, args=(range(start, start + 500),)) for start in range(first, last, 500)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()

    ask(0, 2_000)  # the allocator makes a heap for each thread once
    before = _resident()
    ask(2_000, 4_000)
    assert _resident() - before < 20 << 20
    assert len(reader._known) == schema_reader._KEPT


def _resident() -> int:
    whole = psutil.Process()
    return int(sum(process.memory_info().rss for process in (whole, *whole.children(recursive=True))))
