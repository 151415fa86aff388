from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from ingot.core.errors import MissingExtraError
from ingot.infer.engine import greedy
from ingot.infer.engines.torch import Config, Engine
from ingot.infer.grammar import json_object
from ingot.infer.sampling import GREEDY
from ingot.model.convert import SpecialTokens, load
from ingot.model.heads import Kind, put_pooling, save_embedder
from ingot.tokenizer.codec import Codec


@pytest.fixture(scope="module")
def engine(model_folder: Path) -> Iterator[Engine]:
    engine = Engine(model_folder, Config())
    yield engine
    engine.close()


def slow_greedy(folder: Path, prompt: list[int], count: int) -> tuple[list[int], list[float]]:
    """Read the whole text again for every token: the obvious way."""
    decoder = load(folder)
    ids, logs = list(prompt), []
    with torch.inference_mode():
        for _ in range(count):
            log_V = torch.log_softmax(decoder.logits(decoder(torch.tensor([ids])))[0, -1].double(), -1)
            ids.append(int(log_V.argmax()))
            logs.append(float(log_V.max()))
    return ids[len(prompt) :], logs


def test_the_cache_changes_nothing(engine: Engine, model_folder: Path) -> None:
    prompt = [engine.codec.bos, *engine.codec.encode("class Parser:\n    def")]
    ids, logs = slow_greedy(model_folder, prompt, 24)
    tokens = list(engine.generate(prompt, replace(GREEDY, max_tokens=24)))
    assert [token.id for token in tokens] == ids
    assert [token.logprob for token in tokens] == pytest.approx(logs, abs=1e-5)


def test_a_long_prompt_is_read_in_pieces(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = [engine.codec.bos, *range(300, 350)]
    whole = greedy(engine, prompt, 8)
    monkeypatch.setattr("ingot.infer.engines.torch._PREFILL_TOKENS", 7)
    assert greedy(engine, prompt, 8) == whole


def test_a_cancelled_prompt_gives_nothing(engine: Engine) -> None:
    assert list(engine.generate([engine.codec.bos], GREEDY, stop=lambda: True)) == []


def test_penalties_lower_what_was_said(engine: Engine) -> None:
    prompt = [engine.codec.bos, *engine.codec.encode("import")]
    plain = greedy(engine, prompt, 24)
    assert len(set(plain)) < 24, "a model that never repeats itself shows nothing"
    params = replace(GREEDY, max_tokens=24, presence_penalty=2.0, frequency_penalty=2.0)
    assert len({token.id for token in engine.generate(prompt, params)}) > len(set(plain))


@pytest.mark.parametrize("kind", ["last", "mean"])
def test_embeddings_are_the_pooled_states_of_transformers(kind: Kind, model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    codec = Codec.load(folder)
    special = SpecialTokens(codec.bos, (codec.eos,), codec.pad)
    save_embedder(put_pooling(load(folder), kind), 64, folder, special)
    texts = ["class A:", "return x", ""]
    prompts = [[codec.bos, *codec.encode(text), codec.eos] for text in texts]
    vectors = Engine(folder, Config()).embed(prompts)
    theirs = AutoModel.from_pretrained(folder)
    for vector, prompt in zip(vectors, prompts, strict=True):
        with torch.no_grad():
            states_TD = theirs(torch.tensor([prompt])).last_hidden_state[0]
        wanted = torch.nn.functional.normalize(states_TD[-1] if kind == "last" else states_TD.mean(0), dim=-1)
        torch.testing.assert_close(torch.from_numpy(vector), wanted, atol=1e-5, rtol=1e-4)


def test_without_llguidance_a_grammar_says_what_to_install(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    engine = Engine(model_folder, Config())
    with pytest.raises(MissingExtraError, match="forcing"):
        engine.generate([engine.codec.bos], replace(GREEDY, grammar=json_object()))
