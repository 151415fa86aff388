from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.flow.yaml_file import read_yaml


def fault(path: Path, text: str) -> UsageError:
    """Return what is said of a file that holds this text."""
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_yaml(path)
    return caught.value


def grown(first: str, level: str) -> str:
    """Return nine anchors, each holding the one before ten times."""
    return f"a: &a {first}\n" + "".join(
        f"{name}: &{name} {level.replace('*', f'*{before}')}\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )


def test_values_are_read_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("usual: &usual {x: 1, y: [a, true, null]}\nmine: {<<: *usual, x: 2}\nagain: *usual\n")
    usual = {"x": 1, "y": ["a", True, None]}
    assert read_yaml(path) == {"usual": usual, "mine": {**usual, "x": 2}, "again": usual}


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    error = fault(tmp_path / "recipe.yaml", "steps:\n  a: 1\n  b: 2\n  a: 3\n")
    assert error.where == f"{tmp_path / 'recipe.yaml'}, line 4, column 3"
    assert error.why == "the name 'a' stands twice"


@pytest.mark.parametrize(
    "text",
    [
        grown("[x, x]", "[" + ",".join("*" * 10) + "]"),
        grown("{x: y}", "{" + ", ".join(f"k{number}: *" for number in range(10)) + "}"),
        "a: &a [*a]",
        "a: &a {b: *a}",
    ],
)
def test_what_unfolds_without_end_is_refused(tmp_path: Path, text: str) -> None:
    assert "unfold to more than" in fault(tmp_path / "recipe.yaml", text).why


def test_a_merge_without_end_is_refused(tmp_path: Path) -> None:
    text = grown("{x: y}", "{<<: [" + ",".join("*" * 10) + "]}")
    assert fault(tmp_path / "recipe.yaml", text).why == "this merges too many values"


@pytest.mark.parametrize("text", ["a: !!python/object/apply:os.system [x]", "a: 2020-02-32", "? [a]\n: b"])
def test_only_plain_values_are_made(tmp_path: Path, text: str) -> None:
    assert fault(tmp_path / "recipe.yaml", text).what == "the file is not valid YAML"
