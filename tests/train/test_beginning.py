"""Where a training's first weights come from, and what is refused before it begins."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig, RopeScaling
from ingot.model.convert import SpecialTokens, load, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from ingot.train.beginning import first_decoder, settle
from ingot.train.config import AdapterConfig
from ingot.train.publishing import copy_tokenizer
from ingot.train.run import pretrain
from tests.train.small import MODEL, artifact, context, settings

Inputs = Mapping[str, Artifact]


def model_folder(folder: Path, tokenizer: Path, model: ModelConfig = MODEL) -> Path:
    torch.manual_seed(7)
    save(Decoder(model), folder, SpecialTokens(0, (1,), 2))
    copy_tokenizer(tokenizer, folder)
    return folder


@pytest.fixture(scope="module")
def start(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("start"), inputs["tokenizer"].path)


def test_a_training_begins_with_the_weights_it_is_given(start: Path, inputs: Inputs, tmp_path: Path) -> None:
    given = {**inputs, "start": artifact("start", start)}
    # A rate of next to nothing: what comes out is what went in, but for the rounding of published weights.
    pretrain(settings(steps=1, learning_rate=1e-12, optimizer="adamw"), given, context(tmp_path))
    before, after = load(start).state_dict(), load(tmp_path).state_dict()
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, atol=2e-4, rtol=1e-3)


def test_without_a_start_weights_are_drawn_from_the_seed(inputs: Inputs) -> None:
    torch.manual_seed(3)
    expected = Decoder(MODEL).state_dict()
    drawn = first_decoder(settings(seed=3), torch.float32, None).state_dict()
    assert all(torch.equal(drawn[name], tensor) for name, tensor in expected.items())


def test_the_tokenizer_may_be_the_folder_of_the_model_itself(start: Path, inputs: Inputs, tmp_path: Path) -> None:
    """Its weights are not taken for the tokenizer's files."""
    own = artifact("start", start)
    pretrain(settings(steps=2), {"shards": inputs["shards"], "tokenizer": own, "start": own}, context(tmp_path))
    assert not torch.equal(load(tmp_path).embed_tokens.weight, load(start).embed_tokens.weight)


def test_a_longer_context_needs_no_other_weights(start: Path, inputs: Inputs) -> None:
    longer = replace(MODEL, context=4096, rope_scaling=RopeScaling("yarn", 64.0, 64))
    config = settle(replace(settings(), model=longer), Codec.load(inputs["tokenizer"].path), start)
    decoder = first_decoder(config, torch.float32, start)
    assert decoder.config.context == 4096
    assert torch.equal(decoder.embed_tokens.weight, load(start).embed_tokens.weight)


def test_rows_that_the_tokenizer_does_not_use_stay(inputs: Inputs, tmp_path: Path) -> None:
    tokenizer = inputs["tokenizer"].path
    padded = model_folder(tmp_path, tokenizer, replace(MODEL, vocabulary=MODEL.vocabulary + 64))
    assert settle(settings(), Codec.load(tokenizer), padded).model.vocabulary == MODEL.vocabulary + 64


def test_what_does_not_fit_is_refused(start: Path, inputs: Inputs, tmp_path: Path) -> None:
    codec = Codec.load(inputs["tokenizer"].path)
    with pytest.raises(InputError, match=r"layers 2 \(asked: 3\)"):
        settle(replace(settings(), model=replace(MODEL, layers=3)), codec, start)
    other = shutil.copytree(start, tmp_path / "other")
    write(learn(["other words " * 500], 512), other)
    with pytest.raises(InputError, match="reads other tokens"):
        settle(settings(), codec, other)
    with pytest.raises(UsageError, match="no weights to stand beside"):
        settle(settings(adapters=AdapterConfig()), codec, None)
    (other / "config.json").unlink()
    with pytest.raises(InputError, match="no model that can be opened"):
        settle(settings(), codec, other)
