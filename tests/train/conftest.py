"""One set of shards and its tokenizer for all tests of training."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ingot.flow.artifact import Artifact
from tests.train.small import make_inputs
from tests.train.sums import make_sums


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Artifact]:
    return make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Artifact]:
    return make_sums(tmp_path_factory.mktemp("sums"))
