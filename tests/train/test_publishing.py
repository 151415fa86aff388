from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact
from ingot.model.convert import SpecialTokens
from ingot.train.publishing import copy_tokenizer, special_tokens


def told(folder: Path, **files: object) -> SpecialTokens:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return special_tokens(folder)


def test_the_generation_config_has_the_last_word(tmp_path: Path) -> None:
    found = told(tmp_path, config={"bos_token_id": 1, "eos_token_id": 2}, generation_config={"eos_token_id": [2, 7]})
    assert found == SpecialTokens(bos=1, ends=(2, 7), pad=2)


def test_what_is_null_is_not_said(tmp_path: Path) -> None:
    """As in Qwen3's bases: a text begins where another ended."""
    assert told(tmp_path, config={"bos_token_id": None, "eos_token_id": 3, "pad_token_id": 5}) == SpecialTokens(
        3, (3,), 5
    )


def test_a_model_that_never_ends_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tokens end a text"):
        told(tmp_path, config={"bos_token_id": 1})


def test_only_the_tokenizer_is_copied(inputs: Mapping[str, Artifact], tmp_path: Path) -> None:
    source = inputs["tokenizer"].path
    copy_tokenizer(source, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in source.iterdir()}
    (tmp_path / "model.safetensors").write_text("weights")
    other = tmp_path / "other"
    other.mkdir()
    copy_tokenizer(tmp_path, other)
    assert not (other / "model.safetensors").exists()
