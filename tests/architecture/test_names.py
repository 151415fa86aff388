"""Names that say nothing, rooms that do not introduce themselves, and words that belong to somebody's machine."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

Tree = Callable[[dict[str, str]], Path]

EMPTY_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "manager", "managers"}
MOST_DOCSTRING_LINES = 10

# Written in two halves, so that this file does not hold what it looks for.
FOREIGN = re.compile(
    "|".join(
        [
            "/wo" + "rk/",
            "/ro" + "ot/",
            r"/ho" + r"me/[a-z]+/",
            "/fa" + "rm/",
            r"\.libr" + "ary/",
            "sub" + "agent",
            r"registry\.npm" + r"js\.org",
            r"files\.python" + r"hosted\.org",
            r"py" + r"pi\.org",
            r"deb\.deb" + r"ian\.org",
            r"download\.py" + r"torch\.org",
        ]
    )
)


def tracked_files(root: Path) -> list[Path]:
    """What git tracks or would track: the checkout without ignored files."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return [root / name for name in sorted(listed.split("\0")) if name and (root / name).is_file()]


def empty_names(root: Path, files: list[Path]) -> list[str]:
    relative = (path.relative_to(root) for path in files)
    return [str(path) for path in relative if EMPTY_NAMES & _words(path)]


def _words(path: Path) -> set[str]:
    return {word for part in path.parts for word in re.split(r"[^a-z]+", part.removesuffix(path.suffix).lower())}


def foreign_words(root: Path, files: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(root)}:{number}: {match.group()}"
        for path in files
        for number, line in enumerate(_lines(path), start=1)
        if (match := FOREIGN.search(line))
    ]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []  # a picture


def poor_introductions(package: Path) -> Iterator[str]:
    """Yield the folders whose `__init__` has no docstring, too long a one, or anything beside it."""
    for path in sorted(package.glob("*/**/__init__.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        docstring = ast.get_docstring(ast.Module(body, []))
        if not docstring:
            yield f"{path}: no docstring"
        elif len(docstring.splitlines()) > MOST_DOCSTRING_LINES:
            yield f"{path}: {len(docstring.splitlines())} lines, at most {MOST_DOCSTRING_LINES}"
        elif len(body) > 1:
            yield f"{path}: holds more than its docstring"


def folders_without_introduction(package: Path) -> list[str]:
    folders = {path.parent for path in package.rglob("*.py")}
    return sorted(str(folder) for folder in folders if not (folder / "__init__.py").is_file())


def modules_without_docstring(package: Path) -> list[str]:
    return [
        str(path)
        for path in sorted(package.rglob("*.py"))
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]


def test_names_say_something(repository: Path) -> None:
    assert empty_names(repository, tracked_files(repository)) == []


def test_no_words_of_a_workplace(repository: Path) -> None:
    assert foreign_words(repository, tracked_files(repository)) == []


def test_rooms_introduce_themselves(repository: Path) -> None:
    package = repository / "src/ingot"
    assert list(poor_introductions(package)) == []
    assert folders_without_introduction(package) == []


def test_modules_say_what_they_are_for(repository: Path) -> None:
    assert modules_without_docstring(repository / "src/ingot") == []


def test_poor_names_and_foreign_words_are_found(tree: Tree) -> None:
    bad_host = "py" + "pi.org"
    root = tree({"src/ingot/data/utils.py": "", "src/text_helpers/a.py": "", "docs/a.md": f"see\n{bad_host}\n"})
    files = sorted(path for path in root.rglob("*") if path.is_file())
    assert empty_names(root, files) == ["src/ingot/data/utils.py", "src/text_helpers/a.py"]
    assert foreign_words(root, files) == [f"docs/a.md:2: {bad_host}"]


def test_ordinary_names_pass(tree: Tree) -> None:
    root = tree({"src/ingot/data/commonmark.py": "", "src/ingot/flow/miscount.py": ""})
    assert empty_names(root, sorted(root.rglob("*.py"))) == []


def test_poor_introductions_are_found(tree: Tree) -> None:
    root = tree(
        {
            "ingot/__init__.py": "",
            "ingot/data/__init__.py": '"""Data."""\nfrom ingot.data import shards\n',
            "ingot/data/parsers/__init__.py": "",
            "ingot/data/filters/quality.py": "x = 1\n",
            "ingot/flow/__init__.py": '"""' + "line\n" * 11 + '"""',
            "ingot/core/__init__.py": '"""Good."""\n',
        }
    )
    found = " ".join(poor_introductions(root / "ingot"))
    assert "data/__init__.py: holds more" in found
    assert "parsers/__init__.py: no docstring" in found
    assert "flow/__init__.py: 11 lines" in found
    assert "core" not in found
    assert folders_without_introduction(root / "ingot") == [str(root / "ingot/data/filters")]
    assert str(root / "ingot/data/filters/quality.py") in modules_without_docstring(root / "ingot")
