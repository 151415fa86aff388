from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ingot.infer.engine import greedy
from ingot.infer.engines.torch import Config, Engine
from ingot.infer.sampling import GREEDY
from ingot.model.convert import load


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
