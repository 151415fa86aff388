"""From lines of pairs to a model whose vectors find unseen positives, and that other programs open."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoModel, AutoTokenizer

from ingot.core.errors import UsageError
from ingot.data.pairs import Config as PairsConfig
from ingot.data.pairs import tokenize
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from ingot.train.config import PretrainConfig
from ingot.train.objective import Given, TensorBatch
from ingot.train.objectives.embedding import Config, head, loss
from ingot.train.run import pretrain
from tests.data.labelled import pairs, reading, snapshot
from tests.train.small import artifact, context, settings

Inputs = Mapping[str, Artifact]
PAIRS = pairs(500)
MODEL = ModelConfig(384, width=32, layers=2, heads=4, kv_heads=2, head_width=8, ffn_width=64, context=256)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    place = tmp_path_factory.mktemp("pairs")
    (place / "tokenizer").mkdir()
    write(learn([" ".join(pair) for pair in PAIRS] * 3, 384), place / "tokenizer")
    given = {"tokenizer": artifact("tokenizer", place / "tokenizer")}
    source = snapshot(place / "pairs.jsonl", [{"query": query, "positive": positive} for query, positive in PAIRS])
    tokenize(PairsConfig(row_tokens=256), given, reading(place / "shards", source))
    return {**given, "shards": artifact("shards", place / "shards")}


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_unseen_positives_are_found(inputs: Inputs, tmp_path: Path, pooling: str) -> None:
    usual = settings(
        steps=60,
        sequence_length=256,
        learning_rate=6e-3,
        objective="embedding",
        objective_options={"pooling": pooling},
        hooks=("ingot.evaluate.judging:retrieval",),
    )
    facts = pretrain(PretrainConfig(**{**vars(usual), "model": MODEL}), inputs, context(tmp_path))
    assert facts["recall_at_1"] > 0.5  # by chance 0.02
    assert facts["recall_at_1"] <= facts["recall_at_5"] <= facts["recall_at_10"]
    texts = [text for pair in PAIRS[:8] for text in pair]
    tokenizer, theirs = AutoTokenizer.from_pretrained(tmp_path), AutoModel.from_pretrained(tmp_path)
    read = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        states = theirs(input_ids=read["input_ids"], attention_mask=read["attention_mask"]).last_hidden_state
    mask = read["attention_mask"]
    last, mean = states[torch.arange(len(texts)), mask.sum(1) - 1], (states * mask[..., None]).sum(1)
    vectors = F.normalize(last if pooling == "last" else mean, dim=-1)
    found = (vectors[0::2] @ vectors[1::2].T).argmax(1)
    assert (found == torch.arange(8)).sum() >= 5
    assert json.loads((tmp_path / "sentence_bert_config.json").read_text())["max_seq_length"] == 256


def test_it_is_the_surprise_of_the_right_positive_among_those_of_the_row(inputs: Inputs) -> None:
    """Two rows: of the first, one positive stands twice and is no negative of itself."""
    codec = Codec.load(inputs["tokenizer"].path)
    given = Given({name: made.path for name, made in inputs.items()})
    torch.manual_seed(0)
    decoder, options = Decoder(MODEL), Config(temperature=0.1)
    head(options, given).put_on(decoder)
    rows = [["who", "he", "where", "here", "who else", "he"], ["when", "then", "why", "because", "how", "so"]]
    framed = [[[codec.bos, *codec.encode(text), codec.eos] for text in row] for row in rows]
    length = max(sum(map(len, row)) for row in framed)
    tokens = [[token for ids in row for token in ids] for row in framed]
    segments = [[at for at, ids in enumerate(row) for _ in ids] for row in framed]
    batch = TensorBatch(
        torch.tensor([row + [codec.pad] * (length - len(row)) for row in tokens]),
        torch.zeros(2, length, dtype=torch.long),
        torch.tensor([row + [5] * (length - len(row)) for row in segments]),
    )
    made = loss(decoder, batch, options, given)
    slow = torch.zeros(())
    for row in framed:
        vectors = [F.normalize(decoder(torch.tensor([ids]))[0, -1], dim=-1) for ids in row]
        for place in range(3):
            cosines = [
                vectors[2 * place] @ vectors[2 * other + 1] / 0.1
                for other in range(3)
                if other == place or row[2 * other + 1] != row[2 * place + 1]
            ]
            slow = slow - vectors[2 * place] @ vectors[2 * place + 1] / 0.1 + torch.stack(cosines).logsumexp(0)
    assert made.count == 6
    torch.testing.assert_close(made.total, slow, atol=1e-4, rtol=1e-4)


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="temperature"):
        Config(temperature=0)
