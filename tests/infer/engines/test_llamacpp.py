from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.core.errors import InputError, MissingExtraError
from ingot.infer.engine import greedy
from ingot.infer.engines.llamacpp import Config, Engine
from ingot.infer.parity import mixed_texts
from ingot.infer.sampling import SamplingParams


@pytest.fixture(scope="module")
def engine(model_folder: Path) -> Iterator[Engine]:
    pytest.importorskip("xllamacpp", reason="the extra `llamacpp` is not installed")
    engine = Engine(model_folder, Config(threads=1, slots=2))
    yield engine
    engine.close()


def test_its_tokenizer_gives_the_ids_of_ours(engine: Engine) -> None:
    for text in mixed_texts(engine.codec):
        assert engine.tokenize(text) == engine.codec.encode(text)


def test_tokens_inside_a_character_are_told_all_the_same(engine: Engine) -> None:
    parts = [engine._token_of[bytes([byte])] for byte in "é".encode()]
    assert len(parts) == 2
    # The second byte is made likely only after the first: llama.cpp says nothing before the character is whole.
    params = SamplingParams(max_tokens=6, temperature=0.0, logit_bias=tuple((part, 90.0) for part in parts))
    tokens = list(engine.generate([engine.codec.bos, 300], params))
    assert len(tokens) == 6
    assert all(token.id < engine.codec.vocabulary for token in tokens)


def test_bytes_are_cut_into_as_many_tokens_as_were_made(engine: Engine) -> None:
    word = next(token for token in range(engine.codec.vocabulary) if len(engine.codec.token_bytes(token)) == 3)
    spelled = engine.codec.token_bytes(word)
    assert engine._cut(spelled, 1) == [word]
    assert b"".join(map(engine.codec.token_bytes, engine._cut(spelled, 3))) == spelled
    assert engine._cut(spelled, 4) == []


def test_more_requests_than_slots_wait_for_their_turn(engine: Engine) -> None:
    params = SamplingParams(max_tokens=20, temperature=1.0, seed=1)
    streams = [iter(engine.generate([engine.codec.bos, 300 + place], params)) for place in range(3)]
    first = [next(stream) for stream in streams[:2]]
    assert len(first) == engine.stats().active == 2
    assert engine.stats().cache_tokens_used == 2 * 22
    assert [len(list(stream)) for stream in streams] == [19, 19, 20]
    assert engine.stats().active == 0


def test_a_cancelled_request_gives_its_slot_back(engine: Engine) -> None:
    for _ in range(50):
        stream = engine.generate([engine.codec.bos, 300], SamplingParams(max_tokens=90, temperature=1.0, seed=2))
        next(iter(stream))
        stream.close()  # type: ignore[attr-defined] - a generator
    assert len(greedy(engine, [engine.codec.bos], 4)) == 4


def test_a_folder_that_was_not_exported_is_refused(engine: Engine, model_folder: Path, tmp_path: Path) -> None:
    for path in model_folder.iterdir():
        if path.suffix != ".gguf":
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(InputError, match=r"model-f16\.gguf"):
        Engine(tmp_path, Config())
    (tmp_path / "model-f16.gguf").write_bytes(b"GGUF and nothing more")
    with pytest.raises(InputError, match="is not opened"):
        Engine(tmp_path, Config())


def test_an_installation_without_it_says_what_to_install(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingExtraError) as caught:
        Engine(model_folder, Config())
    assert caught.value.fix == "pip install 'ingot[llamacpp]'"
