"""A home whose versions are opened by a test that looks at them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.infer.engine import Stop, engine_lost
from ingot.infer.engines.torch import Config, Engine
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token
from ingot.registry.releasing import Releasing
from ingot.serve.local.models import HomeModels
from ingot.serve.ports import Origin
from tests.registry.made import add

BODY = {"model": "acme", "prompt": "x", "max_tokens": 4}


class Opened(Engine):
    """The reference engine of one version, which says when it is closed, and fails or waits when a test wants it."""

    def __init__(self, artifact: Artifact) -> None:
        super().__init__(artifact.path, Config())
        self.reference = artifact.reference
        self.is_closed, self.is_broken = False, False
        self.gate = threading.Event()
        self.gate.set()

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        for token in super().generate(prompt, params, stop):
            self.gate.wait(10)
            assert not self.is_closed, "a closed engine is asked"
            if self.is_broken:
                raise engine_lost("torch", "a test broke it")
            yield token

    def close(self) -> None:
        self.is_closed = True


class House:
    """A home, what was opened from it, and who changes its releases."""

    def __init__(self, folder: Path, files: dict[str, Path]) -> None:
        self.home, self._files = Home(folder), files
        self.engines: dict[str, list[Opened]] = {}
        self.releasing = Releasing(self.home, "ada")

    def add(self, name: str = "acme", **other: Path) -> str:
        return add(self.home, name, files={**self._files, **other}, facts={"kind": "base"}).reference

    def open(self, artifact: Artifact) -> Opened:
        engine = Opened(artifact)
        self.engines.setdefault(artifact.reference, []).append(engine)
        return engine

    def serve(self, *names: str, **settings: float) -> HomeModels:
        return HomeModels(self.home, names, self.open, **settings)  # type: ignore[arg-type]  # a count of bytes is whole


def answering(models: HomeModels, origin: Origin | None = None, name: str = "acme") -> str:
    found = models.find(name, origin)
    assert found is not None
    return found.reference


def talk(number: int, caller: str = "ada") -> Origin:
    return Origin(f"{caller}\0", lambda: f"conversation {number}")
