from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ingot.core.storage import sha256_file
from ingot.data.conversations import HELD_OUT, Config, tokenize
from ingot.evaluate.answering import answering
from ingot.flow.artifact import Artifact
from ingot.flow.source import Snapshot, SourceItem
from ingot.flow.step import StepContext
from ingot.model.convert import load
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec
from tests.evaluate.small_build import silent
from tests.infer.tiny_model import make_model

TALKS = [
    [{"role": "user", "content": f"say {number}"}, {"role": "assistant", "content": f"def {number}"}]
    for number in range(3)
]


def source(path: Path, talks: list[list[dict[str, str]]]) -> Snapshot:
    path.write_text("".join(json.dumps({"messages": talk}) + "\n" for talk in talks))
    return Snapshot("folder", (SourceItem(path.name, str(path), path.stat().st_size, sha256_file(path), 0.0),))


def test_the_surprise_at_what_the_assistant_says_and_nothing_else(tmp_path: Path) -> None:
    model, shards = make_model(tmp_path / "model"), tmp_path / "shards"
    shards.mkdir()
    sources = {"talks": source(tmp_path / "a", TALKS[:1]), HELD_OUT: source(tmp_path / "b", TALKS[1:])}
    context = StepContext(shards, shards, 1, silent, sources)
    # Steps read the folders of these inputs and not their records.
    inputs = {"tokenizer": Artifact(model, None)}  # type: ignore[arg-type]
    facts = tokenize(Config(held_out_share=0.0), inputs, context)
    assert (facts["train_documents"], facts["held_out_documents"]) == (1, 2)

    decoder, codec = load(model).eval(), Codec.load(model)
    inputs |= {"shards": Artifact(shards, None)}  # type: ignore[arg-type]
    with torch.no_grad():
        found = answering(decoder, 1, inputs, context)
        surprises, is_right = [], []
        for talk in TALKS[1:]:
            rendered = render(talk, codec)
            logits = decoder.logits(decoder(torch.tensor([rendered.ids[:-1]]))[0]).float()
            targets = torch.tensor(rendered.ids[1:])
            is_said = torch.tensor(rendered.trained[1:])
            surprises.append(F.cross_entropy(logits, targets, reduction="none")[is_said])
            is_right.append((logits.argmax(1) == targets)[is_said])
    assert found["valid_loss"] == pytest.approx(float(np.mean(torch.cat(surprises).numpy())), rel=1e-5)
    assert found["valid_accuracy"] == pytest.approx(float(np.mean(torch.cat(is_right).numpy())))


def test_without_conversations_nothing_is_told(tmp_path: Path) -> None:
    model, shards = make_model(tmp_path / "model"), tmp_path / "shards"
    shards.mkdir()
    context = StepContext(shards, shards, 1, silent, {"talks": source(tmp_path / "a", TALKS)})
    # As above.
    inputs = {"tokenizer": Artifact(model, None), "shards": Artifact(shards, None)}  # type: ignore[arg-type]
    tokenize(Config(held_out_share=0.0), inputs, context)
    assert answering(load(model).eval(), 1, inputs, context) == {}
