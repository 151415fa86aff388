"""The engine against a stand-in that follows vLLM's API; it was not run on a GPU yet."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingot.core.errors import EngineLostError, IngotError, InputError, MissingExtraError, UsageError
from ingot.infer.engine import EngineStats, greedy
from ingot.infer.engines.torch import Config as TorchConfig
from ingot.infer.engines.torch import Engine as Reference
from ingot.infer.engines.vllm import Config, Engine, stats_of
from ingot.infer.grammar import Grammar, json_schema, lark
from ingot.infer.sampling import GREEDY, SamplingParams
from tests.infer.tiny_model import CONTEXT, make_model, make_variant
from tests.infer.vllm_stand_in import StandIn
from tests.serve.running import eventually, listening

SCHEMA = json_schema({"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"]})
FORMS = (SCHEMA, Grammar("regex", "(ab|[0-9]{2,3}){1,4}!"))
DRAWN = SamplingParams(max_tokens=16, temperature=1.0, seed=11)
PACKAGE = """\
import importlib.util
spec = importlib.util.spec_from_file_location("stand_in", {path!r})
module = importlib.util.module_from_spec(spec)
sys_modules = __import__("sys").modules
sys_modules["stand_in"] = module
spec.loader.exec_module(module)
main = module.main
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def reference(folder: Path) -> Reference:
    return Reference(folder, TorchConfig(threads=1))


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[tuple[StandIn, str]]:
    server = StandIn(folder, {lark(form): form for form in FORMS}, key="secret")
    with listening(server.app) as address:
        yield server, address


@pytest.fixture
def server(served: tuple[StandIn, str]) -> StandIn:
    served[0].breaks_after = None
    served[0].vector = None
    return served[0]


@pytest.fixture(scope="module")
def engine(folder: Path, served: tuple[StandIn, str]) -> Engine:
    return Engine(folder, Config(address=served[1], key="secret"))


def prompt(engine: Engine) -> list[int]:
    return [engine.codec.bos, *engine.codec.encode("def visit(self, node):")]


def test_tokens_and_log_probabilities_are_those_of_the_model(engine: Engine, reference: Reference) -> None:
    assert (engine.context, engine.name) == (CONTEXT, "vllm")
    for params in (
        replace(GREEDY, max_tokens=12, top_logprobs=20),
        replace(DRAWN, top_p=0.9, top_k=30, presence_penalty=0.5, frequency_penalty=0.5, top_logprobs=3),
        replace(DRAWN, logit_bias=((77, 5.0),)),
    ):
        expected = [replace(token, cached=None) for token in reference.generate(prompt(engine), params)]
        assert list(engine.generate(prompt(engine), params)) == expected


def test_every_setting_is_said_and_each_caller_has_a_cache_of_his_own(engine: Engine, server: StandIn) -> None:
    greedy(engine, prompt(engine), 1)
    list(engine.generate(prompt(engine), replace(DRAWN, max_tokens=1, top_k=1, cache_salt="ada")))
    one, other = server.asked[-2:]
    assert (one.temperature, one.top_p, one.top_k, one.min_p, one.repetition_penalty) == (0.0, 1.0, 0, 0.0, 1.0)
    assert (one.ignore_eos, one.add_special_tokens, one.seed) == (True, False, None)
    assert (other.temperature, other.seed, other.cache_salt) == (0.0, 11, "ada")
    greedy(engine, prompt(engine), 1)
    salts = {asked.cache_salt for asked in server.asked[-3:]}
    assert len(salts) == 3
    assert all(salt is not None and len(salt) > 2 for salt in salts)


def test_answers_follow_a_form(engine: Engine) -> None:
    pytest.importorskip("llguidance", reason="the extra `grammar` is not installed")
    tokens = list(engine.generate(prompt(engine), replace(DRAWN, max_tokens=40, grammar=SCHEMA)))
    assert "".join(token.text for token in tokens) == '{"a": null}'
    assert tokens[-1].finish == "stop"
    with pytest.raises(InputError, match="not"):
        engine.generate(prompt(engine), replace(GREEDY, grammar=json_schema({"not": {}})))


def test_stop_strings_are_cut_and_closing_ends_the_request(engine: Engine, server: StandIn) -> None:
    plain = "".join(token.text for token in engine.generate(prompt(engine), replace(GREEDY, max_tokens=24)))
    cut = list(engine.generate(prompt(engine), replace(GREEDY, max_tokens=60, stop=(plain[5:9],))))
    assert "".join(token.text for token in cut) == plain[: plain.index(plain[5:9])]
    seen: list[int] = []
    for token in engine.generate(prompt(engine), replace(DRAWN, max_tokens=60), stop=lambda: len(seen) >= 3):
        seen.append(token.id)
    assert len(seen) == 3
    stream = engine.generate(prompt(engine), replace(DRAWN, max_tokens=60))
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # a generator
    eventually(lambda: server.ended == len(server.asked))


def test_a_stream_that_breaks_off_is_an_error(engine: Engine, server: StandIn) -> None:
    server.breaks_after = 2
    stream = engine.generate(prompt(engine), replace(DRAWN, max_tokens=9))
    assert [next(stream).finish for _ in range(2)] == [None, None]
    with pytest.raises(IngotError, match="broke the answer off"):
        next(stream)


def test_what_cannot_be_answered_is_refused(engine: Engine, folder: Path, served: tuple[StandIn, str]) -> None:
    for ids in ([], [10_000_000], [5] * CONTEXT):
        with pytest.raises(InputError):
            engine.generate(ids, GREEDY)
    with pytest.raises(InputError, match="no vLLM server"):
        Engine(folder, Config(address=served[1], key="wrong"))
    with pytest.raises(UsageError, match="no address"):
        Engine(folder, Config(address="localhost:8000"))


def test_a_server_of_another_model_is_refused(folder: Path, served: tuple[StandIn, str], tmp_path: Path) -> None:
    other = make_model(tmp_path / "other", terms=("東京",))
    with pytest.raises(InputError, match="another model"):
        Engine(other, Config(address=served[1], key="secret"))


def test_embeddings_are_unit_vectors_where_the_server_gives_some(engine: Engine, server: StandIn) -> None:
    with pytest.raises(InputError, match="embeddings"):
        engine.embed([prompt(engine)])
    server.vector = [3.0, 4.0]
    np.testing.assert_allclose(engine.embed([[1, 2], [3]]), [[0.6, 0.8], [0.6, 0.8]], rtol=1e-6)


def test_its_metrics_say_how_busy_it_is(engine: Engine) -> None:
    assert engine.stats() == EngineStats(0, 0, 400, 1600)
    assert stats_of("nothing of use") == EngineStats()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a package of the name vllm where Python finds it: its command is that of the stand-in."""
    package = tmp_path / "vllm" / "entrypoints" / "cli"
    package.mkdir(parents=True)
    stand_in = Path(__file__).parents[1] / "vllm_stand_in.py"
    (package / "main.py").write_text(PACKAGE.format(path=str(stand_in)))
    about = tmp_path / "vllm-0.28.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 0.28.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_child_is_started_ended_and_told_when_it_is_lost(folder: Path, installed: Path, reference: Reference) -> None:
    engine = Engine(folder, Config(threads=1, seconds_to_start=60))
    try:
        assert greedy(engine, prompt(engine), 8) == greedy(reference, prompt(engine), 8)
        child = engine._child
        assert child is not None
        environment = Path(f"/proc/{child._process.pid}/environ")
        if environment.exists():
            told = environment.read_bytes().split(b"\0")
            assert {b"VLLM_NO_USAGE_STATS=1", b"DO_NOT_TRACK=1", b"HF_HUB_OFFLINE=1"} <= set(told)
        stream = engine.generate(prompt(engine), replace(DRAWN, max_tokens=60))
        next(stream)
        child._process.kill()
        with pytest.raises(EngineLostError):
            list(stream)
    finally:
        engine.close()
    assert not os.path.exists(engine._address.text)


def test_a_child_that_cannot_open_the_model_says_why(folder: Path, installed: Path, tmp_path: Path) -> None:
    broken = make_variant(folder, tmp_path / "broken-model")
    (broken / "broken").touch()
    with pytest.raises(InputError, match="cannot open the model") as caught:
        Engine(broken, Config(seconds_to_start=60))
    assert "no GPU is found" in caught.value.why


def test_without_vllm_the_install_line_is_told(folder: Path) -> None:
    if "vllm" in sys.modules:
        pytest.skip("vLLM is installed here")
    with pytest.raises(MissingExtraError, match="vLLM"):
        Engine(folder, Config())
