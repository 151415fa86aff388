"""A smaller model guesses ahead: the same answers, and only where they come sooner."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ingot.core.errors import InputError
from ingot.infer.engine import greedy
from ingot.infer.exporters.gguf import Config as GgufConfig
from ingot.infer.exporters.gguf import export
from ingot.infer.sampling import GREEDY, SamplingParams
from ingot.model.convert import SpecialTokens, load, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from tests.infer.tiny_model import make_variant

pytest.importorskip("openvino_genai", reason="the extra `openvino` is not installed")

from ingot.infer.engines.openvino import Config, Engine  # noqa: E402 - a room of the extra


@pytest.fixture(scope="module")
def pair(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a model whose further layers say nothing, and a draft that is its first layer: it always guesses right."""
    scratch = tmp_path_factory.mktemp("pair")
    large, small = scratch / "large", scratch / "small"
    make_variant(model_folder, large, layers=4, width=256, heads=4, kv_heads=2, head_width=64, ffn_width=1024)
    decoder = load(large)
    with torch.no_grad():
        for layer in list(decoder.layers)[1:]:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
    codec = Codec.load(large)
    special = SpecialTokens(codec.bos, (codec.eos, codec.end_of_turn), codec.pad)
    save(decoder, large, special)
    draft = Decoder(replace(decoder.config, layers=1))
    draft.load_state_dict({name: tensor for name, tensor in decoder.state_dict().items() if name in draft.state_dict()})
    shutil.copytree(large, small)
    save(draft, small, special)
    for folder in (large, small):
        export(folder, folder / "model-f16.gguf", GgufConfig())
    return large, small


@pytest.fixture(scope="module")
def drafted(pair: tuple[Path, Path]) -> Iterator[Engine]:
    large, small = pair
    engine = Engine(large, Config(threads=1, draft=str(small)))
    if not engine.is_drafted:  # the probe goes by the clock, which a busy machine may turn around
        engine = _with_draft(large, small)
    yield engine
    engine.close()


def _with_draft(large: Path, small: Path) -> Engine:
    with pytest.MonkeyPatch.context() as patch:
        timed, seconds = Engine._timed, iter((2.0, 1.0))
        patch.setattr(Engine, "_timed", lambda engine, *asked: (timed(engine, *asked)[0], next(seconds)))
        return Engine(large, Config(threads=1, draft=str(small)))


def test_greedy_answers_are_the_same_and_take_fewer_steps(drafted: Engine, pair: tuple[Path, Path]) -> None:
    assert drafted.is_drafted
    alone = Engine(pair[0], Config(threads=1))
    for text in ("class A", "import os\n", "x"):
        prompt = [alone.codec.bos, *alone.codec.encode(text)]
        assert greedy(drafted, prompt, 40) == greedy(alone, prompt, 40)
    number, steps = drafted.begin(prompt, replace(GREEDY, max_tokens=40)), 0
    while not any(what is None for asked, what in drafted.step() if asked == number):
        steps += 1
    assert steps < 20, "nothing was guessed"
    alone.close()


def test_sampled_answers_repeat_with_their_seed_and_can_be_left(drafted: Engine) -> None:
    prompt = [drafted.codec.bos, *drafted.codec.encode("def")]
    params = SamplingParams(max_tokens=30, temperature=1.0, seed=5)
    first, second = (list(drafted.generate(prompt, params)) for _ in range(2))
    assert [token.id for token in first] == [token.id for token in second]
    stream = iter(drafted.generate(prompt, params))
    next(stream)
    stream.close()  # type: ignore[attr-defined] - a generator
    assert drafted.stats().active == 0
    assert len(greedy(drafted, prompt, 8)) == 8


def test_a_draft_that_makes_it_slower_is_not_used(pair: tuple[Path, Path], caplog: pytest.LogCaptureFixture) -> None:
    large, small = pair
    with caplog.at_level(logging.WARNING):
        engine = Engine(small, Config(threads=1, draft=str(large)))
    assert not engine.is_drafted
    assert "not used" in caplog.text
    assert engine.stats().cache_tokens_total
    engine.close()


def test_a_draft_with_another_tokenizer_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    large, small = pair
    other = Path(shutil.copytree(small, tmp_path / "other"))
    (other / "tokenizer.json").write_text((small / "tokenizer.json").read_text() + " ")
    with pytest.raises(InputError, match="another tokenizer"):
        Engine(large, Config(threads=1, draft=str(other)))
