"""A model folder written from weights that come one after another is the folder a whole model gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, load, save
from ingot.model.decoder import Decoder
from ingot.train.parallel.placement import Placement
from ingot.train.parallel.writing import write_in_turn

MODEL = ModelConfig(
    64,
    width=32,
    layers=2,
    heads=4,
    kv_heads=2,
    head_width=8,
    ffn_width=64,
    experts=4,
    experts_per_token=2,
    expert_ffn_width=16,
)
SPECIAL = SpecialTokens(0, (1,), 2)


def test_the_folder_is_that_of_the_whole_model_in_files_of_any_size(tmp_path: Path) -> None:
    decoder, doubled = Decoder(MODEL), Decoder(MODEL)
    twice: Callable[[Tensor], Tensor] = lambda weight: 2 * weight  # noqa: E731 - it is the argument that is tested
    doubled.load_state_dict({name: twice(weight) for name, weight in decoder.state_dict().items()})
    # Files so small that the experts of one weight lie in several.
    save(doubled, tmp_path / "whole", SPECIAL, max_file_bytes=8_000)
    write_in_turn(Placement(), decoder, tmp_path / "in turn", SPECIAL, twice, max_file_bytes=8_000)
    files = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "in turn").iterdir())
    assert all((tmp_path / "whole" / name).read_bytes() == (tmp_path / "in turn" / name).read_bytes() for name in files)
    found = load(tmp_path / "in turn").state_dict()
    assert all(torch.equal(found[name], weight) for name, weight in doubled.state_dict().items())
