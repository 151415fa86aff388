"""The figures are those of scikit-learn's definitions, computed here by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from ingot.data.labels import Config as LabelsConfig
from ingot.data.labels import tokenize as tokenize_labels
from ingot.data.pairs import Config as PairsConfig
from ingot.data.pairs import tokenize as tokenize_pairs
from ingot.evaluate.judging import classes, retrieval
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.model.heads import put_classes, put_pooling
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.data.labelled import pairs, reading, sentences, snapshot
from tests.train.small import artifact, context

TEXTS, PAIRS = sentences(120), pairs(60)
MODEL = ModelConfig(384, width=32, layers=1, heads=4, kv_heads=2, head_width=8, ffn_width=48, context=64)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Mapping[str, Artifact]:
    (tmp_path / "tokenizer").mkdir()
    texts = [text for text, _ in TEXTS] + [" ".join(pair) for pair in PAIRS]
    write(learn(texts * 3, 384), tmp_path / "tokenizer")
    return {"tokenizer": artifact("tokenizer", tmp_path / "tokenizer")}


def test_classes_are_counted_as_by_hand(tokenizer: Mapping[str, Artifact], tmp_path: Path) -> None:
    records = [{"text": text, "label": label} for text, label in TEXTS]
    source = snapshot(tmp_path / "e.jsonl", records)
    facts = tokenize_labels(LabelsConfig(row_tokens=64, held_out_share=0.5), tokenizer, reading(tmp_path / "s", source))
    given = {**tokenizer, "shards": artifact("shards", tmp_path / "s")}
    torch.manual_seed(2)
    decoder, codec = put_classes(Decoder(MODEL), 3), Codec.load(tokenizer["tokenizer"].path)
    decoder.score.weight.data *= 50
    with torch.no_grad():
        figures = classes(decoder, 1, given, context(tmp_path / "model"))
        names, held_out, found = facts["labels"], [], []
        from ingot.data.example_lines import is_held_out

        for text, label in TEXTS:
            if is_held_out(text.encode(), 0.5):
                ids = torch.tensor([[codec.bos, *codec.encode(text), codec.eos]])
                held_out.append(label)
                found.append(names[int((decoder(ids)[0, -1] @ decoder.score.weight.T).argmax())])
    both = list(zip(held_out, found, strict=True))
    f1 = []
    for name in set(held_out):
        right = sum(a == b == name for a, b in both)
        f1.append(2 * right / (found.count(name) + held_out.count(name)))
    assert figures["accuracy"] == pytest.approx(sum(a == b for a, b in both) / len(both), abs=1e-4)
    assert figures["macro_f1"] == pytest.approx(sum(f1) / len(f1), abs=1e-4)
    assert len(set(found)) > 1
    assert classes(decoder, 1, tokenizer, context(tmp_path / "none")) == {}


def test_recall_is_counted_as_by_hand(tokenizer: Mapping[str, Artifact], tmp_path: Path) -> None:
    records = [{"query": query, "positive": positive} for query, positive in PAIRS]
    # A positive that answers two queries is found by either.
    records += [{"query": f"again: {query}", "positive": positive} for query, positive in PAIRS[:20]]
    source = snapshot(tmp_path / "e.jsonl", records)
    tokenize_pairs(PairsConfig(row_tokens=256, held_out_share=0.5), tokenizer, reading(tmp_path / "s", source))
    given = {**tokenizer, "shards": artifact("shards", tmp_path / "s")}
    torch.manual_seed(0)
    decoder, codec = put_pooling(Decoder(MODEL), "mean"), Codec.load(tokenizer["tokenizer"].path)
    with torch.no_grad():
        figures = retrieval(decoder, 1, given, context(tmp_path / "model"))
        from ingot.data.example_lines import is_held_out

        kept = [each for each in records if is_held_out(each["query"].encode(), 0.5)]

        def vector(text: str) -> torch.Tensor:
            state = decoder(torch.tensor([[codec.bos, *codec.encode(text), codec.eos]]))[0].mean(0)
            return state / state.norm()

        positives = sorted({each["positive"] for each in kept})
        matrix = torch.stack([vector(text) for text in positives])
        ranks = []
        for each in kept:
            cosines = matrix @ vector(each["query"])
            ranks.append(int((cosines > cosines[positives.index(each["positive"])] + 1e-6).sum()))
    for k in (1, 5, 10):
        assert figures[f"recall_at_{k}"] == pytest.approx(sum(rank < k for rank in ranks) / len(ranks), abs=0.03)
    assert figures["recall_at_10"] > figures["recall_at_1"]
    assert retrieval(decoder, 1, tokenizer, context(tmp_path / "none")) == {}
