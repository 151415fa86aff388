"""A task written down is checked when it is read, by field."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.evaluate.config import TaskConfig
from ingot.evaluate.task_file import read_task_file


def test_a_file_names_task_rows_and_options(tmp_path: Path) -> None:
    path = tmp_path / "exam.yaml"
    path.write_text("task: multiple_choice\ndata: exam.csv\nexamples: [dev.csv]\nshots: 2\noptions: {style: texts}\n")
    found = read_task_file(path)
    assert (found.name, found.data, found.examples) == ("exam", (tmp_path / "exam.csv",), (tmp_path / "dev.csv",))
    assert found.config == TaskConfig("multiple_choice", {"style": "texts"}, shots=2)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("data: [exam.csv]\n", "names no task"),
        ("task: multiple_choise\n", "no task named"),
        ("task: multiple_choice\nshot: 2\n", "shot"),
        ("task: multiple_choice\noptions: {styel: texts}\n", "styel"),
        ("task: multiple_choice\ndata: {a: 1}\n", "no list of paths"),
        ("task: glue\n", "name"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str, what: str) -> None:
    path = tmp_path / "exam.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=what):
        read_task_file(path)
