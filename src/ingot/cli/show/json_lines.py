"""What `--json` prints: JSON Lines. Each record is one object on one line, so a reader needs no more than that line.

No records, no lines. An error is a record too (cli/main).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click


def print_json_lines(records: Iterable[Mapping[str, Any]]) -> None:
    """Print each record as one line of JSON."""
    for record in records:
        click.echo(json.dumps(record, ensure_ascii=False, default=str))
