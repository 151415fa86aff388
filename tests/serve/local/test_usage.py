from __future__ import annotations

import json
from pathlib import Path

from ingot.serve.local.usage import USAGE_FILE, UsageFile
from ingot.serve.ports import Usage


def test_usage_is_bounded_and_no_line_of_it_is_torn(tmp_path: Path) -> None:
    """Two servers count into the same file."""
    meters = [UsageFile(tmp_path / USAGE_FILE, most_bytes=1000) for _ in range(2)]
    for number in range(40):
        meters[number % 2].record(Usage("local", "acme@1", number, 1, 0.5))
    files = [tmp_path / "usage.1.jsonl", tmp_path / USAGE_FILE]
    assert sorted(tmp_path.glob("usage*.jsonl")) == sorted(files)
    assert all(0 < path.stat().st_size <= 1000 for path in files)
    counted = [json.loads(line)["prompt_tokens"] for path in files for line in path.read_text().splitlines()]
    assert counted == list(range(40 - len(counted), 40))
    assert len(counted) * 120 > 1000  # the last `most_bytes` at least, at about 130 bytes a line
