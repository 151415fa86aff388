from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from ingot.evaluate.bits import Interval
from ingot.evaluate.config import EvaluateConfig
from ingot.evaluate.continued import Continued, compare
from ingot.evaluate.held_out import held_out_texts
from ingot.evaluate.run import evaluate
from ingot.evaluate.story import Scores, beside_start
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.model.convert import SpecialTokens, load, save
from tests.evaluate.small_build import artifact, silent

CONFIG = EvaluateConfig(resamples=50, sample_tokens=4, held_out_bytes=8_000)


@pytest.fixture
def continued(made: Mapping[str, Artifact], tmp_path: Path) -> dict[str, Artifact]:
    """The same build as if it had gone on from a model that was spoiled since: what it knew is what it reads."""
    checkpoint = made["checkpoint"].path
    decoder = load(checkpoint)
    with torch.no_grad():
        decoder.embed_tokens.weight.mul_(8)  # sure of itself, and wrong
    save(decoder, tmp_path / "start", SpecialTokens(0, (1,), 2))
    return {**made, "start": artifact("acme-start", tmp_path / "start", {}), "old-dataset": made["dataset"]}


def test_both_models_are_scored_on_both_texts(continued: dict[str, Artifact]) -> None:
    texts = held_out_texts(continued["dataset"].path, CONFIG.held_out_bytes)
    found = compare(texts, CONFIG, continued)
    assert found is not None
    assert found.start == "acme-start@1"
    # The old text is the new text here, so each model has one figure.
    assert found.old_before == pytest.approx(found.before)
    assert found.old_after is not None
    assert found.old_after < found.before
    without = {name: made for name, made in continued.items() if name != "old-dataset"}
    assert compare(texts, CONFIG, without) == Continued(found.start, found.before)
    assert compare(texts, CONFIG, {name: made for name, made in without.items() if name != "start"}) is None


def test_the_report_says_what_was_gained_and_lost(continued: dict[str, Artifact], tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    facts = evaluate(CONFIG, continued, StepContext(tmp_path / "report", tmp_path, 1, silent))
    assert facts["bits_per_byte"] < facts["before_bits_per_byte"] == facts["old_before_bits_per_byte"]
    page = (tmp_path / "report/report.html").read_text()
    assert "gone on from acme-start@1 with" in page
    assert "fewer than acme-start@1, which it went on from," in page
    assert "On text that the old model knew it is" in page


@pytest.mark.parametrize(
    ("after", "said"), [(2.5, "25% worse: 2.50"), (1.9, "5% better: 1.90"), (2.01, "as well as before: 2.01")]
)
def test_forgetting_is_called_so(after: float, said: str) -> None:
    scores = Scores(Interval(2.0, None, None), 3.0, 3.0, "5-gram bytes", 1, 10, 10, 10)
    told = beside_start(scores, Continued("a@1", 2.5, 2.0, after))
    assert told[0].startswith("That is 20% fewer than a@1, which it went on from,")
    assert told[1] == f"On text that the old model knew it is {said} bits per byte, 2.00 before."
    assert beside_start(scores, None) == []
