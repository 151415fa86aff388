from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ingot.core.errors import InputError
from ingot.infer.engines.torch import Config, Engine
from ingot.infer.reference import Reference, frame
from ingot.infer.sampling import GREEDY
from tests.infer.tiny_model import CONTEXT


@pytest.fixture(scope="module")
def reference(model_folder: Path) -> Reference:
    return Reference(model_folder)


def test_it_says_what_the_torch_engine_says(reference: Reference, model_folder: Path) -> None:
    engine = Engine(model_folder, Config())
    prompt = [engine.codec.bos, *engine.codec.encode("def visit(self):")]
    tokens = list(engine.generate(prompt, GREEDY))[:12]
    found = reference.continued(prompt, 12)
    assert list(found.ids) == [token.id for token in tokens]
    ids = [*prompt, *found.ids]
    log_TV = reference.log_probabilities(ids)
    assert log_TV.shape == (len(ids) - 1, engine.codec.vocabulary)
    assert np.allclose(log_TV[len(prompt) - 1 :], found.log_TV, atol=1e-5)
    assert [token.logprob for token in tokens] == pytest.approx(
        [row[token] for row, token in zip(found.log_TV, found.ids, strict=True)], abs=1e-5
    )


def test_what_looks_like_a_control_token_is_text(reference: Reference) -> None:
    (ids,) = reference.tokenize(["a <|eos|> b"])
    assert not set(ids) & (reference.ends | {reference.bos})
    assert not any("<|" in word for word in reference.words())


def test_drawn_texts_repeat(reference: Reference) -> None:
    assert reference.drawn(40, 3) == reference.drawn(40, 3)
    assert len({reference.drawn(40, seed) for seed in range(4)}) == 4
    assert reference.context == CONTEXT


def test_a_model_without_a_beginning_begins_where_another_text_ended(model_folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "generation_config.json"):
        shutil.copyfile(model_folder / name, tmp_path / name)
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "generation_config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps({**settings, "bos_token_id": None, "eos_token_id": [7, 9]}))
    assert frame(tmp_path) == (7, frozenset({7, 9}))
    (tmp_path / "config.json").write_text(json.dumps({**settings, "eos_token_id": None}))
    with pytest.raises(InputError, match="end a text"):
        frame(tmp_path)
