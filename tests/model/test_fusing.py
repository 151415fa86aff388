from __future__ import annotations

import pytest
import torch

from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.model.fusing import fused, fusible, is_fused
from ingot.train.compiling import has_compiler

needs_compiler = pytest.mark.skipif(not has_compiler(), reason="no compiler works here")
CONFIG = ModelConfig(vocabulary=64, width=32, layers=2, heads=4, kv_heads=2, head_width=8, ffn_width=48)


def test_a_block_says_what_counts_inside_it_and_nothing_after_it() -> None:
    assert not is_fused()
    with fused(True):
        with fused(False):
            assert not is_fused()
        assert is_fused()
    assert not is_fused()


def test_outside_a_block_a_function_is_what_was_written() -> None:
    said = []

    @fusible
    def twice(x: torch.Tensor) -> torch.Tensor:
        said.append("called")  # compiled code would not say it again
        return 2 * x

    assert float(twice(torch.tensor(2.0))) == float(twice(torch.tensor(2.0))) == 4.0
    assert said == ["called", "called"]


@needs_compiler
@pytest.mark.filterwarnings("ignore")  # the compiler warns of itself
def test_fused_layers_compute_what_the_written_ones_do_and_learn_the_same() -> None:
    torch.manual_seed(0)
    decoder, tokens = Decoder(CONFIG), torch.randint(64, (2, 20))
    upstream = torch.randn(2, 20, 32)

    def gradients() -> list[torch.Tensor]:
        hidden = decoder(tokens)
        return [hidden, *torch.autograd.grad(hidden, list(decoder.parameters()), upstream)]

    written = gradients()
    with fused(True):
        once, again = gradients(), gradients()
    for found, wanted in zip(once, written, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(one, other) for one, other in zip(once, again, strict=True))
