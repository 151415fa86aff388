"""What was read before is found again by its own salt alone, and changes no number."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ingot.infer.engine import Engine
from ingot.infer.engines import torch as reference
from ingot.infer.prefixes import Prefixes
from ingot.infer.sampling import GREEDY
from ingot.infer.text import Token
from ingot.model.cache import Cache
from ingot.model.config import ModelConfig
from tests.infer.tiny_model import make_variant, sizes

ASKED = replace(GREEDY, max_tokens=4)
PIECE = 256


@pytest.fixture(scope="module")
def folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ingot.infer.exporters.gguf import Config, export

    folder = make_variant(model_folder, tmp_path_factory.mktemp("long") / "model", context=1024)
    export(folder, folder / "model-f16.gguf", Config())
    return folder


def opened(name: str, folder: Path) -> Engine:
    if name == "torch":
        return reference.Engine(folder, reference.Config())
    module = {"llamacpp": "xllamacpp", "openvino": "openvino_genai"}[name]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    from ingot.infer.engines import llamacpp, openvino

    if name == "llamacpp":
        return llamacpp.Engine(folder, llamacpp.Config(threads=1, slots=2))
    return openvino.Engine(folder, openvino.Config(threads=1))


@pytest.fixture(scope="module", params=["torch", "llamacpp", "openvino"])
def engine(request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    engine = opened(request.param, folder)
    yield engine
    engine.close()


def prompt_of(seed: int, length: int = 700) -> list[int]:
    return [int(token) for token in np.random.default_rng(seed).integers(300, 500, length)]


def answer(engine: Engine, prompt: list[int], salt: str | None) -> list[Token]:
    return list(engine.generate(prompt, replace(ASKED, cache_salt=salt)))


def same(one: list[Token], other: list[Token]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(a.id == b.id and a.logprob == pytest.approx(b.logprob, abs=1e-4) for a, b in pairs)


def test_answers_are_the_same_however_much_was_known(engine: Engine) -> None:
    prompt = prompt_of(1)
    plain = answer(engine, prompt, None)
    assert all(same(answer(engine, prompt, salt), plain) for salt in ("a", "a", "b", None))
    longer = [*prompt[:600], *prompt_of(2, 50)]
    assert same(answer(engine, longer, "a"), answer(engine, longer, None))


def test_only_the_same_salt_is_spared_the_reading(engine: Engine, steps_to_first_token: Callable[..., int]) -> None:
    prompt = prompt_of(3)
    known = [steps_to_first_token(engine, prompt, salt) for salt in ("c", "c", "d", None, None, "d", "c")]
    unknown = known[0]
    assert known[2:5] == [unknown] * 3, "another salt, or none, found what was kept"
    assert known[1] < unknown, "its own salt found nothing"
    assert known[5] < unknown


@pytest.fixture
def steps_to_first_token() -> Callable[..., int]:
    """Return how many tokens had to be read before the first one came, as far as the engine tells."""

    def count(engine: Engine, prompt: list[int], salt: str | None) -> int:
        params = replace(ASKED, cache_salt=salt)
        if engine.name != "openvino":
            first, *_ = engine.generate(prompt, params)  # to its end, which gives the slot back
            cached = first.cached
            assert cached is not None
            return len(prompt) - cached
        stepped: object = engine
        number, steps = stepped.begin(prompt, params), 1  # type: ignore[attr-defined] - it can be stepped
        while not stepped.step():  # type: ignore[attr-defined] - as above
            steps += 1
        stepped.drop(number)  # type: ignore[attr-defined] - as above
        return steps

    return count


def test_the_reference_gives_the_very_same_numbers(folder: Path) -> None:
    engine = reference.Engine(folder, reference.Config())
    prompt = prompt_of(4)
    plain = answer(engine, prompt, None)
    assert plain[0].cached == 0
    answer(engine, prompt[:650], "e")
    known = answer(engine, prompt, "e")
    assert known[0].cached == 2 * PIECE
    assert [replace(token, cached=None) for token in known] == [replace(token, cached=None) for token in plain]


def test_the_oldest_is_forgotten_first() -> None:
    config = ModelConfig(**{**vars(sizes(64)), "layers": 1})
    prefixes = Prefixes(tokens=20, piece=2)

    def filled(value: float) -> Cache:
        cache = Cache(config, 10)
        cache._room.fill_(value)
        cache.length = 8
        return cache

    prefixes.keep("a", list(range(8)), filled(1.0))
    prefixes.keep("b", list(range(8)), filled(2.0))
    fresh = Cache(config, 12)
    assert prefixes.begin("a", list(range(12)), fresh) == 8
    assert torch.equal(fresh._room[..., :8, :], torch.ones_like(fresh._room[..., :8, :]))
    prefixes.keep("c", list(range(8)), filled(3.0))
    assert prefixes.tokens == 20
    found = [prefixes.begin(salt, list(range(12)), Cache(config, 12)) for salt in ("a", "b", "c", None)]
    assert found == [8, 0, 8, 0]
    assert prefixes.begin("a", [0, 1, 2, 9, 9, 9], Cache(config, 12)) == 2
    assert prefixes.begin("a", list(range(8)), Cache(config, 12)) == 6, "one token at least is read"
