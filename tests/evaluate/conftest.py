from __future__ import annotations

from collections.abc import Mapping

import pytest

from ingot.flow.artifact import Artifact
from tests.evaluate.small_build import HOSTILE, build, some_texts


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Artifact]:
    """The inputs of an evaluation, made once; every document begins with text that wants to be a script."""
    texts = {uri: f"{HOSTILE}{uri}\n{text}" for uri, text in some_texts().items()}
    return build(tmp_path_factory.mktemp("small-build"), texts)
