from __future__ import annotations

import subprocess
import sys

import pytest

from ingot.core.config import literals, load
from ingot.core.errors import UsageError
from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder

SMALL = ModelConfig(vocabulary=96, width=32, layers=2, heads=4, kv_heads=2, head_width=8, ffn_width=48)


@pytest.mark.parametrize("has_qk_norm", [True, False])
@pytest.mark.parametrize("has_tied_embeddings", [True, False])
def test_parameters_are_those_of_the_built_decoder(has_qk_norm: bool, has_tied_embeddings: bool) -> None:
    config = ModelConfig(96, 32, 3, 4, 2, 10, 48, has_qk_norm=has_qk_norm, has_tied_embeddings=has_tied_embeddings)
    built = sum(parameter.numel() for parameter in Decoder(config).parameters())
    assert config.parameters == built


def test_matmul_parameters_count_the_head_but_not_the_embedding_lookup() -> None:
    decoder = Decoder(ModelConfig(96, 32, 2, 4, 2, 8, 48, has_tied_embeddings=False))
    matrices = [p for name, p in decoder.named_parameters() if p.ndim == 2 and "embed_tokens" not in name]
    assert decoder.config.matmul_parameters == sum(matrix.numel() for matrix in matrices)


def test_training_operations_of_the_reference_size() -> None:
    config = ModelConfig(8192, 256, 6, 4, 2, 64, 704, has_qk_norm=False)
    assert config.parameters == 6_524_160
    assert round(config.flops_per_token(512) / 1e6, 1) == 43.8


def test_literals_bring_the_same_config_back() -> None:
    assert load(ModelConfig, literals(SMALL), "here") == SMALL


@pytest.mark.parametrize(("field", "value"), [("heads", 3), ("head_width", 7), ("layers", 0)])
def test_impossible_sizes_are_refused_with_what_to_do(field: str, value: int) -> None:
    with pytest.raises(UsageError, match="cannot be built") as raised:
        ModelConfig(**{**literals(SMALL), field: value})
    assert raised.value.fix


def test_sizes_are_read_without_torch() -> None:
    code = "import ingot.model.config, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
