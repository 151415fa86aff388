"""Files become documents in the sandbox; what fails is listed, and costs nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.core.tables import parts, read_rows
from ingot.data.config import ReadConfig
from ingot.data.connectors.folder import Config, Connector
from ingot.data.reading import read_documents
from ingot.flow.step import StepContext
from ingot.flow.tasks import Tasks
from tests.data.samples import docx_bytes, packed, pdf_bytes


class Heard(list[tuple[str, dict[str, Any]]]):
    """Collects what a step emits."""

    def __call__(self, kind: str, /, **fields: Any) -> None:
        self.append((kind, fields))


def write(root: Path, files: dict[str, bytes]) -> Path:
    for name, payload in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(payload)
    return root


def read(root: Path, out: Path, config: ReadConfig | None = None, cores: int = 2) -> tuple[dict[str, Any], Heard]:
    out.mkdir()
    heard = Heard()
    sources = {"documents": Connector(Config((str(root),))).snapshot()}
    context = StepContext(out, out.parent, cores, heard, sources, Tasks(cores=cores, emit=heard))
    return read_documents(sources, config or ReadConfig(), context), heard


MIXED = {
    "a.txt": b"Plain text.\n",
    "b/page.html": b"<html><body><p>A page.</p></body></html>",
    "b/letter.docx": docx_bytes("A letter."),
    "c.pdf": pdf_bytes("A paper."),
    "d.csv": b"name,age\nAnna,42\n",
    "e.jsonl": b'{"text": "one"}\n{"text": "two"}\n',
    "f.py": b"x = 1\n",
    "g.md": "# Größe\n".encode(),
    "LICENSE": b"Permission is granted.\n",
    "bad/locked.pdf": pdf_bytes("secret", password="key"),
    "bad/torn.docx": docx_bytes("text")[:200],
    "bad/rubbish.txt": bytes(range(256)) * 20,
    "bad/empty.md": b"",
    "bad/photo.png": b"\x89PNG",
}


def test_every_format_is_read_and_every_failure_listed(tmp_path: Path) -> None:
    facts, heard = read(write(tmp_path / "docs", MIXED), tmp_path / "out")
    rows = list(read_rows(parts(tmp_path / "out", "documents")))
    assert [(row["uri"], row["text"].strip()) for row in rows] == [
        ("LICENSE", "Permission is granted."),
        ("a.txt", "Plain text."),
        ("b/letter.docx", "A letter."),
        ("b/page.html", "A page."),
        ("c.pdf", "A paper."),
        ("d.csv", "name: Anna\nage: 42"),
        ("e.jsonl", "one"),
        ("e.jsonl", "two"),
        ("f.py", "x = 1"),
        ("g.md", "# Größe"),
    ]
    failures = [json.loads(line) for line in (tmp_path / "out/failures.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(failure["uri"], failure["parser"]) for failure in failures] == [
        ("bad/empty.md", "markdown"),
        ("bad/locked.pdf", "pdf"),
        ("bad/photo.png", "image"),
        ("bad/rubbish.txt", "text"),
        ("bad/torn.docx", "office"),
    ]
    assert all(failure["reason"] and failure["fix"] for failure in failures)
    assert facts == {
        "files": 14,
        "documents": 10,
        "failed": 5,
        "bytes": sum(len(row["text"].encode()) for row in rows),
        "shards": 1,
        "failures_by_reason": {
            "it is damaged or incomplete": 1,
            "it is a picture, and text recognition is off": 1,
            "it is not text": 1,
            "it is protected by a password": 1,
            "the file is empty": 1,
        },
    }
    assert [fields["uri"] for kind, fields in heard if kind == "failure"] == [failure["uri"] for failure in failures]
    assert [fields for kind, fields in heard if kind == "progress"][-1] == {"done": 14, "total": 14, "unit": "files"}


def test_the_same_input_makes_the_same_bytes_whatever_the_cores(tmp_path: Path) -> None:
    files = {f"{number:03}.txt": b"text %d " % number * (number * 50 + 1) for number in range(40)}
    root = write(tmp_path / "docs", files)
    read(root, tmp_path / "one", cores=1)
    read(root, tmp_path / "three", cores=3)
    (one,), (three,) = (parts(tmp_path / place, "documents") for place in ("one", "three"))
    assert one.read_bytes() == three.read_bytes()


def test_the_stamp_is_on_every_document(tmp_path: Path) -> None:
    config = ReadConfig(owner="legal", access=("legal", "board"), retention="2030-01-01", licence="proprietary")
    read(write(tmp_path / "docs", {"a.txt": b"text"}), tmp_path / "out", config)
    (row,) = read_rows(parts(tmp_path / "out", "documents"))
    stamp = (row["owner"], row["access"], row["retention"], row["licence"])
    assert stamp == ("legal", ["legal", "board"], "2030-01-01", "proprietary")


def test_options_reach_the_parser(tmp_path: Path) -> None:
    config = ReadConfig(parsers={"text": {"piece_bytes": 1000}})
    facts, _ = read(write(tmp_path / "docs", {"a.log": b"word " * 2000}), tmp_path / "out", config)
    assert facts["documents"] > 9
    assert len({row["parent_id"] for row in read_rows(parts(tmp_path / "out", "documents"))}) == 1


@pytest.mark.parametrize("parsers", [{"txt": {}}, {"text": {"piece_size": 1}}])
def test_an_unknown_parser_or_option_is_an_error_before_anything_is_read(
    tmp_path: Path, parsers: dict[str, dict[str, int]]
) -> None:
    with pytest.raises(UsageError) as caught:
        read(write(tmp_path / "docs", {"a.txt": b"text"}), tmp_path / "out", ReadConfig(parsers=parsers))
    assert "text" in caught.value.fix or "piece_bytes" in caught.value.fix


def test_pieces_too_small_for_a_word_are_an_error_before_anything_is_read(tmp_path: Path) -> None:
    config = ReadConfig(parsers={"text": {"piece_bytes": -1}})
    with pytest.raises(UsageError, match="piece_bytes of -1"):
        read(write(tmp_path / "docs", {"a.txt": b"text"}), tmp_path / "out", config)


@pytest.mark.parametrize("limit", [{"memory_bytes": -1}, {"memory_bytes": 0}, {"memory_bytes": 10**30}])
def test_a_limit_on_memory_is_one(limit: dict[str, int]) -> None:
    """The kernel takes -1 for no limit at all."""
    with pytest.raises(UsageError, match="no limit a parser can work in"):
        ReadConfig(**limit)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_no_time_at_all_is_refused(seconds: float) -> None:
    with pytest.raises(UsageError, match="reads nothing"):
        ReadConfig(timeout_seconds=seconds)


def test_nothing_readable_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing readable") as caught:
        read(write(tmp_path / "docs", {"a.png": b"x", "b.png": b"x", "c.txt": b""}), tmp_path / "out")
    assert "it is a picture, and text recognition is off (2); the file is empty (1)" in caught.value.why
    assert (tmp_path / "out/failures.jsonl").read_text(encoding="utf-8").count("\n") == 3


def test_a_file_that_hangs_or_bursts_costs_only_itself(tmp_path: Path) -> None:
    # A JSON value whose text needs far more memory than it may have.
    files = {"a.txt": b"before", "big.json": b"[" + b'"' + b"x" * 80_000_000 + b'"]', "z.txt": b"after"}
    config = ReadConfig(memory_bytes=450 << 20)
    facts, _ = read(write(tmp_path / "docs", files), tmp_path / "out", config, cores=1)
    assert [row["uri"] for row in read_rows(parts(tmp_path / "out", "documents")) if row["uri"] != "big.json"] == [
        "a.txt",
        "z.txt",
    ]
    assert facts["failures_by_reason"] == {"it needs more memory than it may have": 1}


def test_a_file_that_changed_since_the_snapshot_is_not_mistaken_for_it(tmp_path: Path) -> None:
    root = write(tmp_path / "docs", {"a.txt": b"as it was", "b.txt": b"text"})
    sources = {"documents": Connector(Config((str(root),))).snapshot()}
    (root / "a.txt").write_bytes(b"as it is now")
    (tmp_path / "out").mkdir()
    facts = read_documents(sources, ReadConfig(), StepContext(tmp_path / "out", tmp_path, 1, Heard()))
    assert facts["failures_by_reason"] == {"it changed while it was being read": 1}


def test_two_sources_stay_apart(tmp_path: Path) -> None:
    first = Connector(Config((str(write(tmp_path / "one", {"a.txt": b"first"})),))).snapshot()
    second = Connector(Config((str(write(tmp_path / "two", {"a.txt": b"second"})),))).snapshot()
    (tmp_path / "out").mkdir()
    read_documents({"x": first, "y": second}, ReadConfig(), StepContext(tmp_path / "out", tmp_path, 1, Heard()))
    assert [row["uri"] for row in read_rows(parts(tmp_path / "out", "documents"))] == ["x/a.txt", "y/a.txt"]


def test_what_is_inside_a_file_is_read_stamped_and_listed_under_its_name(tmp_path: Path) -> None:
    archive = packed({"a.txt": b"inside", "bad.pdf": b"%PDF-torn"})
    root = write(tmp_path / "docs", {"all.zip": archive, "b.txt": b"outside"})
    facts, _ = read(root, tmp_path / "out", ReadConfig(owner="legal"))
    rows = list(read_rows(parts(tmp_path / "out", "documents")))
    assert [(row["uri"], row["text"], row["owner"]) for row in rows] == [
        ("all.zip!/a.txt", "inside", "legal"),
        ("b.txt", "outside", "legal"),
    ]
    assert facts["failed"] == 1
    (failure,) = [json.loads(line) for line in (tmp_path / "out/failures.jsonl").read_text("utf-8").splitlines()]
    assert (failure["uri"], failure["parser"]) == ("all.zip!/bad.pdf", "pdf")
