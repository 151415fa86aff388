from __future__ import annotations

import importlib.util
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ingot.core.errors import InputError, MissingExtraError, UsageError
from ingot.infer.engine import greedy, open_engine
from ingot.infer.engines.openvino import Config, Engine
from ingot.infer.exporters.gguf import Config as GgufConfig
from ingot.infer.exporters.gguf import export
from ingot.infer.grammar import json_schema
from ingot.infer.sampling import GREEDY, SamplingParams
from ingot.model.convert import SpecialTokens, load, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from tests.infer.tiny_model import make_variant

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino_genai") is None, reason="the extra `openvino` is not installed"
)

# A guard like the one of the test suite, in a fresh interpreter that has imported nothing yet.
QUIET = """
import sys
attempts = []
sys.addaudithook(lambda event, args: attempts.append(event) if event.startswith("socket.") else None)
from pathlib import Path
from ingot.infer.engines.openvino import Config, Engine
Engine(Path(sys.argv[1]), Config(threads=1))
assert sys.modules["openvino_telemetry"] is None
assert "openvino" in sys.modules
print(attempts)
"""


@needs_openvino
def test_it_opens_no_connection(model_folder: Path) -> None:
    command = [sys.executable, "-c", QUIET, str(model_folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


def test_an_installation_without_it_says_what_to_install(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino_telemetry", None)
    monkeypatch.setitem(sys.modules, "openvino", None)  # makes the import fail, as when the package is absent
    with pytest.raises(MissingExtraError) as caught:
        Engine(model_folder, Config())
    assert caught.value.fix == "pip install 'ingot[openvino]'"


@needs_openvino
def test_a_folder_that_was_not_exported_is_refused(model_folder: Path, tmp_path: Path) -> None:
    for path in model_folder.iterdir():
        if path.suffix != ".gguf":
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(InputError, match=r"model-f16\.gguf"):
        Engine(tmp_path, Config())


@needs_openvino
def test_the_mistral_layout_is_read_too(mistral_folder: Path) -> None:
    from ingot.infer.engines import torch as reference  # the plug-in, beside the one under test

    engine = Engine(mistral_folder, Config(threads=1))
    prompt = [engine.codec.bos, *engine.codec.encode("import")]
    expected = greedy(reference.Engine(mistral_folder, reference.Config()), prompt, 32)
    assert greedy(engine, prompt, 32) == expected
    engine.close()


@needs_openvino
def test_many_long_texts_do_not_end_the_process(model_folder: Path) -> None:
    # Written out where each stands, they would be more rules than the library can number.
    long = {"type": "string", "minLength": 1, "maxLength": 255}
    fields = {f"p{number}": long for number in range(150)}
    engine = Engine(model_folder, Config(threads=1))
    grammar = json_schema({"type": "object", "properties": fields, "required": ["p0"]})
    prompt = [engine.codec.bos, *engine.codec.encode("import")]
    told = list(engine.generate(prompt, SamplingParams(max_tokens=24, temperature=1.0, seed=3, grammar=grammar)))
    assert "".join(token.text for token in told).startswith('{"p0": "')
    engine.close()


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


@needs_openvino
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


@needs_openvino
def test_it_reaches_the_engine_in_its_child(pair: tuple[Path, Path]) -> None:
    large, small = pair
    engine = open_engine(large, "openvino", supervised=True, draft=small)
    alone = Engine(large, Config(threads=1))
    prompt = [alone.codec.bos, *alone.codec.encode("class B")]
    assert greedy(engine, prompt, 20) == greedy(alone, prompt, 20)
    engine.close()
    alone.close()
    with pytest.raises(UsageError, match="no use for a draft"):
        open_engine(large, "torch", draft=small)


@needs_openvino
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


@needs_openvino
def test_a_draft_that_makes_it_slower_is_not_used(pair: tuple[Path, Path], caplog: pytest.LogCaptureFixture) -> None:
    large, small = pair
    with caplog.at_level(logging.WARNING):
        engine = Engine(small, Config(threads=1, draft=str(large)))
    assert not engine.is_drafted
    assert "not used" in caplog.text
    assert engine.stats().cache_tokens_total
    engine.close()


@needs_openvino
def test_a_draft_with_another_tokenizer_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    large, small = pair
    other = Path(shutil.copytree(small, tmp_path / "other"))
    (other / "tokenizer.json").write_text((small / "tokenizer.json").read_text() + " ")
    with pytest.raises(InputError, match="another tokenizer"):
        Engine(large, Config(threads=1, draft=str(other)))
