"""Models that share one engine answer each as they would alone, in one process or in a child that may die."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.infer import supervised
from ingot.infer.adapted import open_adapter
from ingot.infer.engine import Engine, PushingEngine, build, greedy
from ingot.infer.sampling import GREEDY
from ingot.model.convert import load
from ingot.train.adapters import load_adapters, merged
from ingot.train.publishing import publish
from tests.infer.adapters import make_adapter
from tests.infer.tiny_model import make_model

COUNT = 24


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("adapted") / "base")


@pytest.fixture(scope="module")
def adapters(base: Path) -> list[Path]:
    return [make_adapter(base, base.parent / f"adapter-{seed}", seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def expected(base: Path, adapters: list[Path]) -> list[list[int]]:
    """What the base says, and what each adapter says once it is merged into weights of its own."""
    folders = [base]
    for number, adapter in enumerate(adapters):
        folders.append(base.parent / f"merged-{number}")
        folders[-1].mkdir()
        publish(merged(load_adapters(load(base), adapter)), base, folders[-1])
    said = []
    for folder in folders:
        with closing(build("torch", folder)) as engine:
            said.append(greedy(engine, PROMPT, COUNT))
    assert len(set(map(tuple, said))) == 3
    return said


PROMPT = [1, 7, 30, 99]


@pytest.fixture(scope="module", params=["torch", "supervised"])
def engine(request: pytest.FixtureRequest, base: Path) -> Iterator[Engine]:
    made = build("torch", base) if request.param == "torch" else supervised.Engine("torch", base)
    with closing(made):
        yield made


def test_each_answers_as_with_weights_of_its_own(
    engine: Engine, base: Path, adapters: list[Path], expected: list[list[int]]
) -> None:
    models = [engine, *(open_adapter(engine, "acme@1", base, folder) for folder in adapters)]
    with ThreadPoolExecutor(6) as pool:
        for number, said in enumerate(pool.map(lambda n: greedy(models[n % 3], PROMPT, COUNT), range(12))):
            assert said == expected[number % 3]
    models[1].close()
    assert greedy(models[2], PROMPT, COUNT) == expected[2]
    assert greedy(models[0], PROMPT, COUNT) == expected[0]


def test_a_beginning_is_known_only_with_the_same_adapter(base: Path, adapters: list[Path]) -> None:
    piece, params = 8, replace(GREEDY, max_tokens=1, cache_salt="ada")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingot.infer.engines.torch._PREFILL_TOKENS", piece)
        with closing(build("torch", base)) as engine:
            models = [engine, *(open_adapter(engine, "acme@1", base, folder) for folder in adapters)]
            prompt = [1, *range(20, 20 + 3 * piece)]
            for model in models:
                assert [token.cached for token in model.generate(prompt, params)] == [0]
            for model in models:
                assert [token.cached for token in model.generate(prompt, params)] == [3 * piece]


def test_the_next_child_loads_what_is_asked_for(
    engine: Engine, base: Path, adapters: list[Path], expected: list[list[int]]
) -> None:
    model = open_adapter(engine, "acme@1", base, adapters[0])
    assert isinstance(model, PushingEngine) == isinstance(engine, PushingEngine)
    if isinstance(engine, supervised.Engine):
        os.kill(engine.process_id or 0, signal.SIGKILL)
    assert greedy(model, PROMPT, COUNT) == expected[1]


def test_an_engine_that_applies_none_and_another_vocabulary_are_refused(
    engine: Engine, base: Path, adapters: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in adapters[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match="another vocabulary"):
        open_adapter(engine, "acme@1", base, tmp_path)
    monkeypatch.setattr(engine, "controls", engine.controls - {"adapter"})
    with pytest.raises(InputError, match="cannot put adapters") as caught:
        open_adapter(engine, "acme@1", base, adapters[0])
    assert "ingot.train.merging:merge" in caught.value.fix
    with pytest.raises(InputError, match="cannot follow adapter"):
        engine.generate(PROMPT, replace(GREEDY, adapter=str(adapters[0])))
