"""What is compiled gives what Python gives, with a cache, without one, and never from other sources."""

from __future__ import annotations

from pathlib import Path
from types import CodeType, FunctionType

from ingot.data.statistics.compiling import cached, sources


def double(number: int) -> int:
    return 2 * number


def test_without_a_folder_for_the_cache_it_works_too() -> None:
    code: CodeType = double.__code__.replace(co_filename="<nowhere>")
    assert cached(FunctionType(code, {}))(21) == 42


def test_a_change_in_any_source_makes_another_version(tmp_path: Path) -> None:
    paths = [tmp_path / "a.py", tmp_path / "b.py"]
    for path in paths:
        path.write_text("x = 1\n")
    before = sources(paths)
    assert sources(reversed(paths)) == before
    paths[1].write_text("x = 2\n")
    assert sources(paths) != before
