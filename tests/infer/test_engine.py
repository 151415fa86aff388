from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.errors import InputError, MissingExtraError, UsageError
from ingot.core.hardware import machine
from ingot.infer import engine as engine_module
from ingot.infer.engine import CERTIFICATE_FILE, Engine, build, fitted, greedy, open_engine
from ingot.infer.engines import torch as reference
from ingot.infer.sampling import GREEDY, SamplingParams
from ingot.infer.text import Token
from tests.infer.tiny_model import CONTEXT


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


def certify(folder: Path, **fields: object) -> None:
    prompt = [0, 300]
    tokens = greedy(build("torch", folder), prompt, 8)
    usual = {"engine": "quick", "processor": machine().processor, "probe": {"prompt": prompt, "tokens": tokens}}
    (folder / CERTIFICATE_FILE).write_text(json.dumps({**usual, **fields}))


class Quick(reference.Engine):
    """A second engine: the reference under another name."""

    name = "quick"


class Wrong(Quick):
    """An engine that drops the first token of every answer."""

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: object = None) -> Iterator[Token]:
        answer = super().generate(prompt, replace(params, max_tokens=params.max_tokens + 1))
        next(answer)
        return answer


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> object:
    """Install an engine named `quick`, or the lack of it."""
    real = build

    def install(engine: type[reference.Engine] | None) -> None:
        def built(name: str, folder: Path) -> Engine:
            if name != "quick":
                return real(name, folder)
            if engine is None:
                raise MissingExtraError("the quick engine", "quick")
            return engine(folder, reference.Config())

        monkeypatch.setattr(engine_module, "build", built)

    return install


def test_a_folder_without_certificate_opens_with_the_reference(model_folder: Path) -> None:
    assert open_engine(model_folder).name == "torch"


def test_the_certified_engine_is_taken(folder: Path, offer: object) -> None:
    certify(folder)
    offer(Quick)
    warnings: list[str] = []
    assert open_engine(folder, warn=warnings.append).name == "quick"
    assert warnings == []


def test_a_missing_engine_is_replaced_and_said(folder: Path, offer: object) -> None:
    certify(folder)
    offer(None)
    warnings: list[str] = []
    assert open_engine(folder, warn=warnings.append).name == "torch"
    assert "ingot[quick]" in warnings[0]


def test_on_another_processor_the_certified_tokens_are_asked_again(folder: Path, offer: object) -> None:
    certify(folder, processor="another one")
    warnings: list[str] = []
    offer(Quick)
    assert open_engine(folder, warn=warnings.append).name == "quick"
    offer(Wrong)
    assert warnings == []
    assert open_engine(folder, warn=warnings.append).name == "torch"
    assert "certified tokens" in warnings[0]


def test_an_engine_asked_for_by_name_is_never_replaced(folder: Path, offer: object) -> None:
    certify(folder)
    offer(None)
    with pytest.raises(MissingExtraError):
        open_engine(folder, "quick")
    with pytest.raises(UsageError, match="tourch"):
        open_engine(folder, "tourch")


def test_max_tokens_is_cut_to_what_the_context_leaves(model_folder: Path) -> None:
    engine = build("torch", model_folder)
    assert fitted([5] * 10, SamplingParams(max_tokens=1000), engine).max_tokens == CONTEXT - 10
    assert fitted([5] * 10, SamplingParams(max_tokens=7), engine).max_tokens == 7
    with pytest.raises(InputError, match=str(CONTEXT)):
        fitted([5] * CONTEXT, GREEDY, engine)
