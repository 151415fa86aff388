from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from safetensors.numpy import load_file, save_file

from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.infer.engine import Stop
from ingot.infer.engines.torch import Config, Engine
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token
from ingot.serve.app import create_app
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import HomeModels, smoke
from ingot.serve.local.store import FolderStore
from tests.infer.tiny_model import make_model
from tests.registry.made import add
from tests.serve.running import Counting, PacedEngine, eventually, listening


class Watched(Engine):
    """The reference engine, which says whether it was closed, and fails when it is used after that."""

    def __init__(self, artifact: Artifact) -> None:
        super().__init__(artifact.path, Config())
        self.is_closed = False

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        for token in super().generate(prompt, params, stop):
            assert not self.is_closed, "a closed engine is asked"
            yield token

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.name: path for path in make_model(tmp_path_factory.mktemp("model") / "tiny").iterdir()}


@pytest.fixture
def home(tmp_path: Path, files: dict[str, Path]) -> Home:
    home = Home(tmp_path / "home")
    for name in ("acme", "acme", "other"):
        add(home, name, files=files, facts={"kind": "base"})
    return home


def test_a_name_follows_the_newest_version_and_a_pinned_one_stays(home: Home, files: dict[str, Path]) -> None:
    models = HomeModels(home, ["acme", "other@1"], Watched)
    assert [model.reference for model in models.models()] == ["acme@2", "other@1"]
    old = models.find("acme")
    assert old is not None
    assert old.lease.take()
    for name in ("acme", "other"):
        add(home, name, files=files, facts={"kind": "base"})
    models.look()
    assert [model.reference for model in models.models()] == ["acme@3", "other@1"]
    assert not old.engine.is_closed  # type: ignore[attr-defined]  # somebody still reads its answer
    assert not old.lease.take()
    old.lease.give_back()
    assert old.engine.is_closed  # type: ignore[attr-defined]  # of the test's engine


def test_one_name_is_served_once(home: Home) -> None:
    with pytest.raises(UsageError, match="two versions"):
        HomeModels(home, ["acme@1", "acme@2"], Watched)


def test_a_version_that_gives_no_probabilities_is_never_served(
    home: Home, files: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = load_file(files["model.safetensors"])
    broken = tmp_path / "broken.safetensors"
    save_file({name: value * float("nan") for name, value in weights.items()}, broken, metadata={"format": "pt"})
    models = HomeModels(home, ["acme"], Watched)
    add(home, "acme", files={**files, "model.safetensors": broken}, facts={"kind": "base"})
    for _ in range(2):
        models.look()
        assert [model.reference for model in models.models()] == ["acme@2"]
    assert len([record for record in caplog.records if "acme@3 is not served" in record.message]) == 1
    add(home, "acme", files=files, facts={"kind": "base"})
    models.look()
    assert [model.reference for model in models.models()] == ["acme@4"]


def test_smoke_knows_a_wrong_vocabulary(engine: PacedEngine) -> None:
    smoke(engine)

    class Wrong(PacedEngine):
        def __init__(self) -> None:
            self.codec = engine.codec

        def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
            yield Token(engine.codec.vocabulary + 1, "")

    with pytest.raises(InputError, match="no text"):
        smoke(Wrong())


def test_no_request_fails_while_versions_come(home: Home, files: dict[str, Path], tmp_path: Path) -> None:
    """Each answer comes from one version, and says which."""
    source = HomeModels(home, ["acme"], Watched, seconds=0.05)
    app = create_app(source, Anybody(), Counting(), FolderStore(tmp_path / "store"), while_up=source)
    answers: list[tuple[int, str]] = []
    ended = threading.Event()

    def ask(address: str) -> None:
        with httpx.Client(timeout=30) as client:
            while not ended.is_set():
                body = {"model": "acme", "prompt": "x", "max_tokens": 8}
                answer = client.post(f"{address}/v1/completions", json=body)
                answers.append((answer.status_code, answer.headers.get("x-ingot-model", "")))

    with listening(app) as address:
        askers = [threading.Thread(target=ask, args=(address,)) for _ in range(3)]
        for asker in askers:
            asker.start()
        eventually(lambda: bool(answers))
        for version in range(3, 6):
            add(home, "acme", files=files, facts={"kind": "base"})
            eventually(lambda version=version: ("acme", version) == _served(source))  # type: ignore[misc]  # a bound default
        eventually(lambda: answers[-1][1] == "acme@5")
        ended.set()
        for asker in askers:
            asker.join()
    assert {status for status, _ in answers} == {200}
    assert {"acme@2", "acme@5"} <= {reference for _, reference in answers}


def _served(source: HomeModels) -> tuple[str, int]:
    name, _, version = source.models()[0].reference.partition("@")
    return name, int(version)
