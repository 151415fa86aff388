from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ingot.core.errors import MissingExtraError
from ingot.infer.reader import open_reader, require
from ingot.infer.readers.transformers import Config, Reader
from ingot.infer.reference import Reference


def test_it_reads_what_the_trained_model_says(mistral_folder: Path) -> None:
    reader, reference = Reader(mistral_folder, Config()), Reference(mistral_folder)
    assert reader.program.startswith("transformers 5")
    (ids,) = reference.tokenize(["class A:\n    def f(self): <|eos|>"])
    assert reader.tokenize(["class A:\n    def f(self): <|eos|>"]) == [ids]
    ids = [reference.bos, *ids]
    asked_TA = np.array(ids[1:])[:, None]
    expected_TA = np.take_along_axis(reference.log_probabilities(ids), asked_TA, axis=1)
    assert np.abs(reader.log_probabilities(ids, asked_TA) - expected_TA).max() < 1e-4
    assert tuple(reader.greedy(ids, 8)) == reference.continued(ids, 8).ids
    reader.close()


def test_a_program_that_is_not_installed_is_named_with_its_extra(
    mistral_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingot.infer.reader.installed_version", lambda _: "")
    with pytest.raises(MissingExtraError) as caught:
        open_reader("transformers", mistral_folder)
    assert caught.value.fix == "pip install 'ingot[transformers]'"
    with pytest.raises(MissingExtraError, match="xllamacpp"):
        require("llamacpp")
