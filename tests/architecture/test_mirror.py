"""Tests mirror the tree, so that a reader finds a file's tests without searching."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Tree = Callable[[dict[str, str]], Path]

# Folders whose tests belong to no single source file.
CROSS_CUTTING = {"architecture", "benchmarks", "contracts", "docs", "examples", "journeys", "sdk"}


def stray_tests(root: Path) -> list[str]:
    """Return the test files whose place and name point at no file of the package."""
    relative = (path.relative_to(root / "tests") for path in sorted((root / "tests").rglob("test_*.py")))
    return [str(path) for path in relative if path.parts[0] not in CROSS_CUTTING and not _has_source(root, path)]


def _has_source(root: Path, test: Path) -> bool:
    name = test.name.removeprefix("test_")
    folder = root / "src/ingot" / test.parent
    return (folder / name).is_file() or (folder / name.removesuffix(".py") / "__init__.py").is_file()


def rooms_without_tests(root: Path) -> list[str]:
    rooms = sorted(path.parent.name for path in (root / "src/ingot").glob("*/__init__.py"))
    return [room for room in rooms if not any((root / "tests" / room).rglob("test_*.py"))]


def test_every_test_mirrors_a_source(repository: Path) -> None:
    assert stray_tests(repository) == []


def test_every_room_is_tested(repository: Path) -> None:
    assert rooms_without_tests(repository) == []


def test_a_stray_test_and_an_untested_room_are_found(tree: Tree) -> None:
    root = tree(
        {
            "src/ingot/data/__init__.py": "",
            "src/ingot/data/dedup/minhash.py": "",
            "src/ingot/plan/__init__.py": "",
            "tests/data/dedup/test_minhash.py": "",
            "tests/data/test_minhash.py": "",
            "tests/test_everything.py": "",
            "tests/journeys/test_build.py": "",
        }
    )
    assert stray_tests(root) == ["data/test_minhash.py", "test_everything.py"]
    assert rooms_without_tests(root) == ["plan"]
