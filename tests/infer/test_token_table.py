from __future__ import annotations

from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

from ingot.infer.parity import MIXED_TEXTS
from ingot.infer.token_table import read_token_table
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.vocabulary import SPLIT_REGEX


def test_a_tokenizer_rebuilt_from_the_table_gives_the_same_ids(model_folder: Path, codec: Codec) -> None:
    table = read_token_table(model_folder, codec.vocabulary)
    merges = [tuple(merge.split(" ")) for merge in table.merges]
    rebuilt = Tokenizer(BPE({token: row for row, token in enumerate(table.tokens)}, merges))
    rebuilt.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(SPLIT_REGEX), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
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
