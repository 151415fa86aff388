from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingot.serve.local.usage import USAGE_FILE, UsageFile
from ingot.serve.ports import Usage
from tests.serve.running import eventually


def used(number: int) -> Usage:
    return Usage("local", "acme@1", number, 1, 0.5)


def counted(*files: Path) -> Iterator[int]:
    for path in files:
        yield from (json.loads(line)["prompt_tokens"] for line in path.read_text().splitlines())


def test_usage_is_bounded_and_no_line_of_it_is_torn(tmp_path: Path) -> None:
    """Two servers count into the same file."""
    for begin in range(0, 40, 10):
        with closing(UsageFile(tmp_path / USAGE_FILE, 1000)) as one, closing(UsageFile(tmp_path / USAGE_FILE, 1000)):
            for number in range(begin, begin + 10):
                one.record(used(number))
    files = [tmp_path / "usage.1.jsonl", tmp_path / USAGE_FILE]
    assert sorted(tmp_path.glob("usage*.jsonl")) == sorted(files)
    assert all(0 < path.stat().st_size <= 1000 for path in files)
    numbers = list(counted(*files))
    assert numbers == list(range(40 - len(numbers), 40))
    assert len(numbers) * 120 > 1000  # the last `most_bytes` at least, at about 130 bytes a line


def test_what_many_servers_record_at_once_is_all_there(tmp_path: Path) -> None:
    meters = [UsageFile(tmp_path / USAGE_FILE) for _ in range(4)]
    for number in range(400):
        meters[number % 4].record(used(number))
    for meter in meters:
        meter.close()
    assert sorted(counted(tmp_path / USAGE_FILE)) == list(range(400))


def test_it_is_written_without_being_closed(tmp_path: Path) -> None:
    with closing(UsageFile(tmp_path / USAGE_FILE)) as meter:
        meter.record(used(1))
        eventually(lambda: (tmp_path / USAGE_FILE).exists() and list(counted(tmp_path / USAGE_FILE)) == [1])


def test_a_file_that_cannot_be_written_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / USAGE_FILE
    path.mkdir()  # in the way, like a full disk
    with closing(UsageFile(path)) as meter:
        meter.record(used(7))
        eventually(lambda: "cannot be written" in caplog.text)
        path.rmdir()
        eventually(path.is_file)
    assert list(counted(path)) == [7]
