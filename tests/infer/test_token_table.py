from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from ingot.core.errors import InputError
from ingot.infer.parity import MIXED_TEXTS
from ingot.infer.token_table import read_token_table
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.splitting import DEFAULT, SPLITTINGS, named
from ingot.tokenizer.train import TOKENIZER_FILES, learn


def test_a_tokenizer_rebuilt_from_the_table_gives_the_same_ids(model_folder: Path, codec: Codec) -> None:
    table = read_token_table(model_folder, codec.vocabulary)
    merges = [tuple(merge.split(" ")) for merge in table.merges]
    rebuilt = Tokenizer(BPE({token: row for row, token in enumerate(table.tokens)}, merges))
    rebuilt.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(named(DEFAULT).regex), "isolated"),
            pre_tokenizers.ByteLevel(False, use_regex=False),
        ]
    )
    rebuilt.decoder = decoders.ByteLevel()
    for text in MIXED_TEXTS:
        assert rebuilt.encode(text).ids == codec.encode(text)


def test_the_ids_with_a_meaning_are_named(model_folder: Path, codec: Codec) -> None:
    table = read_token_table(model_folder, codec.vocabulary)
    assert (table.bos, table.eos, table.pad) == (codec.bos, codec.eos, codec.pad)
    assert table.end_of_turn == codec.end_of_turn
    assert table.unknown is None
    assert table.pre_tokenizer == "qwen2"


def folder_with(tmp_path: Path, content: dict[str, Any], model_folder: Path) -> Path:
    for name in TOKENIZER_FILES:
        (tmp_path / name).write_bytes((model_folder / name).read_bytes())
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("splitting", SPLITTINGS)
def test_the_rule_is_told_by_its_name(splitting: str, tmp_path: Path, model_folder: Path) -> None:
    content = json.loads(learn(["some words of a text"] * 3, 512, splitting).to_str())
    table = read_token_table(folder_with(tmp_path, content, model_folder), 512)
    assert table.pre_tokenizer == splitting


def test_protected_terms_are_user_defined(tmp_path: Path, model_folder: Path) -> None:
    content = json.loads(learn(["some words of a text"] * 3, 512, terms=["XK-4711", "Größe 7"]).to_str())
    table = read_token_table(folder_with(tmp_path, content, model_folder), 512)
    assert {token for token, kind in zip(table.tokens, table.kinds, strict=True) if kind == "user_defined"} == {
        "XK-4711",
        "Größe 7",
    }


def changed_rule(content: dict[str, Any]) -> None:
    content["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] += "|x"


def ignored_merges(content: dict[str, Any]) -> None:
    content["model"]["ignore_merges"] = True


def term_as_a_whole_word(content: dict[str, Any]) -> None:
    content["added_tokens"][-1]["single_word"] = True


def normalised(content: dict[str, Any]) -> None:
    content["normalizer"] = {"type": "NFC"}


@pytest.mark.parametrize("change", [changed_rule, ignored_merges, term_as_a_whole_word, normalised])
def test_what_a_reader_would_do_otherwise_is_refused(
    change: Callable[[dict[str, Any]], None], tmp_path: Path, model_folder: Path
) -> None:
    content = json.loads((model_folder / "tokenizer.json").read_text(encoding="utf-8"))
    change(content)
    with pytest.raises(InputError) as caught:
        read_token_table(folder_with(tmp_path, content, model_folder), len(content["model"]["vocab"]) + 64)
    assert "differently" in caught.value.why
