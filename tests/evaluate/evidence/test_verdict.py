from __future__ import annotations

from pathlib import Path

import pytest

from ingot.evaluate.evidence import verdict
from ingot.evaluate.evidence.arms import read_arms
from ingot.evaluate.evidence.config import EvidenceConfig
from tests.evaluate.evidence.made import inputs

CONFIG = EvidenceConfig(resamples=300)


def told(folder: Path, arms: dict[str, tuple[float, float]], counted: float = 9.0) -> list[str]:
    own, *others = read_arms(inputs(folder, {f"{name}-seed-0-score": each for name, each in arms.items()}))
    on_own, on_general = (verdict.compared(own, others, CONFIG, on) for on in ("own", "general"))
    return verdict.answer(own, on_own, on_general, {"ngram": counted})


def test_a_model_of_ones_own_that_beats_all(tmp_path: Path) -> None:
    best, enough, loses = told(tmp_path, {"own": (1.4, 3.6), "continued": (1.6, 3.0), "mixed": (1.8, 1.9)})
    assert best.startswith("Your own model predicts your documents best, with 1.400 bits per byte: 12.5%")
    assert "is worth its training" in enough
    assert "continued" in enough
    assert "more bits than the generalist" in loses


def test_a_general_model_that_goes_on_is_enough(tmp_path: Path) -> None:
    best, enough, _ = told(tmp_path, {"own": (1.5, 3.6), "continued": (1.501, 3.0), "mixed": (1.8, 1.9)})
    assert "equally well" in best
    assert enough.startswith("A general model, continued on your documents, is enough for you: it is no worse")


def test_the_own_model_may_lose(tmp_path: Path) -> None:
    best, enough, _ = told(tmp_path, {"own": (1.9, 3.6), "continued": (1.6, 3.0), "mixed": (1.8, 1.9)})
    assert "is not the best on your documents" in best
    assert "1.600" in best
    assert "is better on them" in enough
    assert enough.startswith("A general model, continued")


def test_what_is_simple_and_far_from_the_best_is_not_advised(tmp_path: Path) -> None:
    _, enough, _ = told(tmp_path, {"own": (1.9, 3.6), "continued": (1.89, 3.0), "mixed": (1.2, 1.9)})
    assert enough.startswith("A generalist that read some of your documents is enough")


def test_a_general_model_may_be_enough_as_it_is(tmp_path: Path) -> None:
    _, enough, _ = told(tmp_path, {"own": (1.5, 3.6), "general": (1.5, 3.0), "continued": (1.5, 3.0)})
    assert enough.startswith("A general model, as it is, is enough for you")


def test_retrieval_is_simpler_than_training(tmp_path: Path) -> None:
    _, enough, _ = told(tmp_path, {"own": (1.5, 3.6), "continued": (1.5, 3.0), "retrieval": (1.5, 3.0)})
    assert enough.startswith("Retrieval is enough for you")


def test_a_model_that_counting_beats_advises_nothing(tmp_path: Path) -> None:
    _, enough, _ = told(tmp_path, {"own": (1.4, 3.6), "mixed": (1.8, 1.9)}, counted=1.3)
    assert "not learned enough" in enough
    assert "1.300" in enough


def test_general_text_that_is_no_loss_is_told(tmp_path: Path) -> None:
    assert "loses nothing" in told(tmp_path, {"own": (1.4, 1.8), "mixed": (1.8, 1.9)})[2]


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_seed_is_told(tmp_path: Path, seeds: int) -> None:
    names = {f"{arm}-seed-{seed}-score": (1.4, 1.8) for arm in ("own", "mixed") for seed in range(seeds)}
    own, other = read_arms(inputs(tmp_path, names))
    notes = verdict.notes(own, verdict.compared(own, [other], CONFIG))
    assert any("trained once" in note for note in notes) == (seeds == 1)
