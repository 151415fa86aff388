from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ingot.core.errors import InputError
from ingot.infer.exporters.gguf import Config as GgufConfig
from ingot.infer.exporters.gguf import export
from ingot.infer.readers.llamacpp import Config, Reader
from ingot.infer.reference import Reference


@pytest.fixture(scope="module")
def reference(model_folder: Path) -> Reference:
    return Reference(model_folder)


@pytest.fixture(scope="module")
def folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gguf")
    export(model_folder, folder / "model.gguf", GgufConfig("f32"))
    return folder


@pytest.fixture(scope="module")
def reader(folder: Path) -> Iterator[Reader]:
    reader = Reader(folder, Config())
    yield reader
    reader.close()


def test_log_probabilities_of_tokens_that_are_no_whole_characters(reader: Reader, reference: Reference) -> None:
    (ids,) = reference.tokenize(["def f(): return '漢字 Größe'"])
    ids = [reference.bos, *ids]
    assert any("\ufffd" in reference.tokenizer.decode([token]) for token in ids)
    log_TV = reference.log_probabilities(ids)
    asked_TA = np.concatenate([np.array(ids[1:])[:, None], np.argsort(-log_TV, axis=1)[:, :5]], axis=1)
    found_TA = reader.log_probabilities(ids, asked_TA)
    assert not np.isnan(found_TA).any()
    assert np.abs(found_TA - np.take_along_axis(log_TV, asked_TA, axis=1)).max() < 1e-4


def test_greedy_tokens_are_all_told(reader: Reader, reference: Reference) -> None:
    for text in ("class A:", "import", "'ü"):
        prompt = [reference.bos, *reference.tokenize([text])[0]]
        expected = reference.continued(prompt, 24).ids
        assert tuple(reader.greedy(prompt, 24)) == expected


def test_a_process_that_ends_is_begun_again(reader: Reader, reference: Reference) -> None:
    reader._child._process.kill()
    assert reader.tokenize(["class A:"]) == reference.tokenize(["class A:"])


def test_what_it_cannot_open_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no GGUF file"):
        Reader(tmp_path, Config())
    shutil.copyfile(folder / "model.gguf", tmp_path / "torn.gguf")
    with (tmp_path / "torn.gguf").open("r+b") as file:
        file.truncate(20_000)
    with pytest.raises(InputError, match="is not opened"):
        Reader(tmp_path, Config())
