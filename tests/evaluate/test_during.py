from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ingot.data.shards import Shards
from ingot.evaluate.bits import document_bits
from ingot.evaluate.during import beginnings, held_out
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.model.convert import load
from ingot.tokenizer.codec import Codec
from tests.evaluate.small_build import CONTEXT, silent


def test_the_figure_is_bits_per_byte_of_the_documents_beginnings(made: dict[str, Artifact], tmp_path: Path) -> None:
    decoder = load(made["checkpoint"].path).eval()
    inputs = {name: made[name] for name in ("shards", "tokenizer")}
    figures = held_out(decoder, 3, inputs, StepContext(tmp_path, tmp_path, 1, silent))
    codec = Codec.load(made["tokenizer"].path)
    documents = beginnings(Shards.open(made["shards"].path, "held_out"), CONTEXT, 16_384)
    size = sum(len(b"".join(map(codec.token_bytes, ids))) for ids in documents)
    expected = document_bits(decoder, documents, codec.bos, CONTEXT).sum() / size
    assert figures == {"held_out_bits_per_byte": pytest.approx(expected)}
    # An untrained model knows nothing: about the logarithm of the vocabulary for every token.
    assert 2 < figures["held_out_bits_per_byte"] < 8


def test_several_datasets_have_a_figure_each_and_one_together(made: dict[str, Artifact], tmp_path: Path) -> None:
    decoder, context = load(made["checkpoint"].path).eval(), StepContext(tmp_path, tmp_path, 1, silent)
    alone = held_out(decoder, 3, {name: made[name] for name in ("shards", "tokenizer")}, context)
    both = held_out(decoder, 3, {"new": made["shards"], "old": made["shards"], "tokenizer": made["tokenizer"]}, context)
    figure = pytest.approx(alone["held_out_bits_per_byte"])
    names = ("held_out_bits_per_byte", "held_out_bits_per_byte.new", "held_out_bits_per_byte.old")
    assert both == dict.fromkeys(names, figure)


def test_beginnings_hold_text_only_each_up_to_the_longest(made: dict[str, Artifact]) -> None:
    shards = Shards.open(made["shards"].path, "held_out")
    codec = Codec.load(made["tokenizer"].path)
    documents = beginnings(shards, CONTEXT, 10**9)
    assert len(documents) == shards.document_count
    assert max(map(len, documents)) == CONTEXT
    assert not {codec.bos, codec.eos} & set(np.concatenate(documents).tolist())


def test_the_slice_never_exceeds_its_limit(made: dict[str, Artifact]) -> None:
    shards = Shards.open(made["shards"].path, "held_out")
    assert sum(map(len, beginnings(shards, CONTEXT, 100))) <= 100
