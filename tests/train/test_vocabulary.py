"""A checkpoint moved to another vocabulary: the layers stay, known tokens keep their rows, and it still answers."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, load, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.config import MoveConfig
from ingot.tokenizer.train import TOKENIZER_FILES, extend, learn, write
from ingot.train.vocabulary import move

TERM = "XK-4711"


def model_folder(folder: Path, tokenizer: Tokenizer, rows: int, has_tied_embeddings: bool = True) -> Path:
    torch.manual_seed(0)
    config = ModelConfig(rows, 64, 1, 2, 1, 32, 128, has_tied_embeddings=has_tied_embeddings, context=64)
    save(Decoder(config), folder, SpecialTokens(0, (1,), 2))
    write(tokenizer, folder)
    return folder


def moved(checkpoint: Path, tokenizer: Tokenizer, out: Path) -> Facts:
    new = out.with_name(f"{out.name}-tokenizer")
    new.mkdir()
    write(tokenizer, new)
    out.mkdir()
    # The step reads the folders of these inputs and not their records.
    inputs = {name: Artifact(path=path, record=None) for name, path in (("checkpoint", checkpoint), ("tokenizer", new))}  # type: ignore[arg-type]
    return move(MoveConfig(), inputs, StepContext(out, out, 1, lambda kind, /, **_: None))


@pytest.fixture(scope="module")
def old() -> Tokenizer:
    return learn([inspect.getsource(json)], 512)


@pytest.mark.parametrize("has_tied_embeddings", [True, False])
def test_known_tokens_keep_their_rows_and_new_ones_are_made_of_them(
    old: Tokenizer, tmp_path: Path, has_tied_embeddings: bool
) -> None:
    new = extend(old, ["Die Hauptversammlung beschlie\u00dft. " * 50], 640, terms=[TERM])
    # A padded matrix has more rows than the tokenizer has tokens.
    checkpoint = model_folder(tmp_path / "old", old, 576, has_tied_embeddings)
    facts = moved(checkpoint, new, tmp_path / "new")
    before, after = load(checkpoint), load(tmp_path / "new")
    assert after.config.vocabulary == facts["vocabulary"] == new.get_vocab_size()
    assert after.config.parameters == facts["parameters"]
    assert facts["rows_kept"] + facts["rows_from_parts"] + facts["rows_drawn"] == facts["vocabulary"]
    matrices = ["embed_tokens.weight"] + ([] if has_tied_embeddings else ["lm_head.weight"])
    ids = old.encode(TERM, add_special_tokens=False).ids
    for name in matrices:
        rows, made = before.state_dict()[name], after.state_dict()[name]
        assert torch.equal(made[:512], rows[:512])
        assert torch.allclose(made[new.token_to_id(TERM)], rows[ids].mean(0), atol=1e-6)
    for name, tensor in before.state_dict().items():
        assert name in matrices or torch.equal(tensor, after.state_dict()[name])
    assert Codec.load(tmp_path / "new").terms == (TERM,)
    assert {*TOKENIZER_FILES, "config.json", "generation_config.json"} <= {
        path.name for path in (tmp_path / "new").iterdir()
    }


def test_weights_without_a_row_for_every_token_are_refused(old: Tokenizer, tmp_path: Path) -> None:
    checkpoint = model_folder(tmp_path / "old", old, 448)
    with pytest.raises(InputError, match="512 tokens, the model rows for 448"):
        moved(checkpoint, old, tmp_path / "new")
