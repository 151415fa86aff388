"""Pages tell the truth: links lead somewhere, files they name exist, and examples in other languages are valid."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FILE = re.compile(r"`((?:src|tests|docs|examples|benchmarks)/[\w./-]+\.(?:py|sh|md|yaml))`")


def blocks(page: Path, *languages: str) -> Iterator[str]:
    for match in _FENCE.finditer(page.read_text(encoding="utf-8")):
        if match[1] in languages:
            yield match[2]


def broken_links(page: Path) -> list[str]:
    """Return the relative links of a page that lead to no file."""
    targets = (target.partition("#")[0] for target in _LINK.findall(page.read_text(encoding="utf-8")))
    return [target for target in targets if target and "://" not in target and not (page.parent / target).exists()]


def missing_files(page: Path, root: Path) -> list[str]:
    """Return the files of the repository that a page names and that are not there.

    A page that explains the mirror names files as examples; those exist as well.
    """
    return [name for name in _FILE.findall(page.read_text(encoding="utf-8")) if not (root / name).is_file()]


def test_links_lead_somewhere(pages: list[Path]) -> None:
    assert {page.name: links for page in pages if (links := broken_links(page))} == {}


def test_named_files_exist(pages: list[Path], repository: Path) -> None:
    assert {page.name: names for page in pages if (names := missing_files(page, repository))} == {}


def test_every_page_can_be_reached(repository: Path) -> None:
    folder = repository / "docs"
    reached, waiting = set(), [folder / "index.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            links = _LINK.findall(page.read_text(encoding="utf-8"))
            waiting += [page.parent / link.partition("#")[0] for link in links if "://" not in link]
    assert set(folder.resolve().rglob("*.md")) - reached == set()


def test_data_in_examples_is_valid(pages: list[Path]) -> None:
    for page in pages:
        for text in blocks(page, "json"):
            json.loads(text)
        for text in blocks(page, "toml"):
            tomllib.loads(text)
        for text in blocks(page, "yaml"):
            yaml.safe_load(text)


def test_python_in_examples_runs(pages: list[Path]) -> None:
    for page in pages:
        for text in blocks(page, "python"):
            exec(compile(text, str(page), "exec"), {"__name__": "example"})


def test_faults_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[a](other.md#part) [b](page.md) [c](https://x.test) `src/ingot/no.py`\n```toml\na=1\n```\n")
    assert broken_links(page) == ["other.md"]
    assert missing_files(page, tmp_path) == ["src/ingot/no.py"]
    assert list(blocks(page, "toml")) == ["a=1\n"]
