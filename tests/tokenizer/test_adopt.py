"""A tokenizer or a model made elsewhere becomes an artifact, file by file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models

from ingot.core.errors import InputError
from ingot.core.storage import sha256_file
from ingot.flow.source import Snapshot, SourceItem
from ingot.flow.step import Facts, StepContext
from ingot.tokenizer.adopt import adopt
from ingot.tokenizer.config import AdoptConfig
from ingot.tokenizer.train import TOKENIZER_FILES


def folder_source(*folders: Path) -> Snapshot:
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return Snapshot(
        "folder",
        tuple(SourceItem(str(path), str(path), path.stat().st_size, sha256_file(path), 0.0) for path in paths),
    )


def run(out: Path, sources: Mapping[str, Snapshot]) -> Facts:
    out.mkdir()
    context = StepContext(out, out, 1, lambda kind, /, **_: None, sources)
    return adopt(AdoptConfig(), {}, context)


def test_a_tokenizer_is_taken_in(tokenizer_folder: Path, tmp_path: Path) -> None:
    facts = run(tmp_path / "out", {"tokenizer": folder_source(tokenizer_folder)})
    assert facts["files"] == sorted(TOKENIZER_FILES)
    assert (facts["vocabulary"], facts["splitting"], facts["has_weights"]) == (1024, "qwen2", False)
    for name in TOKENIZER_FILES:
        assert (tmp_path / "out" / name).read_bytes() == (tokenizer_folder / name).read_bytes()


def test_of_a_model_only_what_cannot_hold_code_is_taken(tokenizer_folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "tokenizer.json").write_bytes((tokenizer_folder / "tokenizer.json").read_bytes())
    for name in ("config.json", "model.safetensors", "LICENSE.txt", "pytorch_model.bin", "modeling_acme.py"):
        (model / name).write_text(name)
    facts = run(tmp_path / "out", {"model": folder_source(model)})
    assert facts["files"] == ["LICENSE.txt", "config.json", "model.safetensors", "tokenizer.json"]
    assert (facts["has_weights"], facts["files_left_out"]) == (True, 2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == facts["files"]


def test_what_is_no_tokenizer_is_refused(tokenizer_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text("{}")
    with pytest.raises(InputError, match="holds no tokenizer"):
        run(tmp_path / "one", {"model": folder_source(tmp_path / "empty")})
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        run(tmp_path / "two", {"model": folder_source(tmp_path / "torn")})
    with pytest.raises(InputError, match="two files tokenizer"):
        run(tmp_path / "three", {"model": folder_source(tokenizer_folder, tmp_path / "torn")})
    words = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    words.decoder = decoders.WordPiece()
    (tmp_path / "torn" / "tokenizer.json").write_text(words.to_str())
    with pytest.raises(InputError, match="byte-level BPE"):
        run(tmp_path / "four", {"model": folder_source(tmp_path / "torn")})
