"""How a training will end, said from pilots that cost less than a tenth of it.

For each of three sets of texts (questions on health, contracts, German laws) the pilots that Ingot would choose are
run, the forecast is made from them alone, and only then the training itself: the figure is by how much the forecast of
bits per byte on unseen documents is off, and what the pilots took of the training's processor-seconds, looks at
held-out text included on both sides. The prior of the law's powers was measured on another text (the standard library,
docs/decisions/0003-small-budgets-want-small-models.md); nothing was fitted to these.

The stop rule watches every training and must stay silent; one more, with a rate that is far too high, it must end.

The figures are of the real sets beside the checkout; without them the standard library is forecast, and they say that
they were not measured.

    python benchmarks/train_forecast.py [--quick]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks import real_sets
from benchmarks.report import Figure, publish
from benchmarks.trainings import Corpus, Trained, prepare, train
from ingot.plan.law import Predicted
from ingot.plan.pilots import pilot_runs
from ingot.plan.prediction import Expected, Finished, Run, foresee
from ingot.plan.scaling import Shape
from ingot.train.config import PretrainConfig
from ingot.train.course import StopRule

ERROR_GOAL, COST_GOAL = 0.02, 0.10
SHAPE, RATE, BASE_WIDTH = Shape(64, 2), 4e-3, 256
TOO_HIGH = 16.0
_MOST_BYTES = 16_000_000


@dataclass(frozen=True)
class Budget:
    """The length of the trainings that are forecast, and their rows."""

    steps: int = 2048
    rows: int = 8
    length: int = 256
    vocabulary: int = 2048
    held_out: int = 60
    scored_tokens: int = 16_384


QUICK = Budget(1920, 4, 128, 512)


@dataclass(frozen=True)
class Forecast:
    """What was said, from what, and what came."""

    said: Predicted
    pilots: Sequence[Trained]
    came: Trained
    alarms: Sequence[int]

    @property
    def error(self) -> float:
        """By what share the forecast is above (positive) or below what came."""
        return self.said.value / self.came.bits_per_byte - 1

    @property
    def cost(self) -> float:
        """The pilots' processor-seconds as a share of the training's."""
        return sum(pilot.seconds for pilot in self.pilots) / self.came.seconds


def settings(budget: Budget) -> PretrainConfig:
    """Return the training that is forecast, scheduled as the plan does."""
    return PretrainConfig(
        SHAPE.model(budget.vocabulary, budget.length),
        budget.steps,
        budget.rows,
        budget.length,
        learning_rate=RATE,
        base_width=BASE_WIDTH,
        warmup_steps=max(budget.steps // 50, 20),
        evaluate_every=budget.steps // 20,
    )


def foretold(corpus: Corpus, config: PretrainConfig) -> tuple[list[Trained], Predicted, list[Expected]]:
    """Run the pilots of a training and say how it will go."""
    trained, finished = [], []
    tokens = config.batch_size * config.sequence_length
    for pilot in pilot_runs(config.steps, config.warmup_steps, tokens, config.model.vocabulary):
        shorter = replace(config, **asdict(pilot))
        told = train(corpus, shorter)
        trained.append(told)
        finished.append(Finished(_run(shorter), config.model.parameters, told.bits_per_byte, told.looks))
    end, course = foresee(_run(config), config.model.parameters, config.evaluate_every, finished)
    print(f"forecast: {end}", flush=True)
    return trained, end, course


def compare(corpus: Corpus, config: PretrainConfig, folder: Path) -> tuple[Forecast, list[Expected]]:
    """Forecast a training, then train, with the stop rule looking on."""
    pilots, end, course = foretold(corpus, config)
    alarms: list[int] = []
    rule = _rule(course, folder)

    def is_over(step: int, value: float) -> bool:
        rule.compare(step, value)
        if rule.reason is not None:
            alarms.append(step)
        return False

    return Forecast(end, pilots, train(corpus, config, is_over), alarms), course


def ended_early(corpus: Corpus, config: PretrainConfig, course: Sequence[Expected], folder: Path) -> Trained:
    """Train with a rate that is far too high until the stop rule ends it."""
    rule = _rule(course, folder)

    def is_over(step: int, value: float) -> bool:
        rule.compare(step, value)
        return rule.reason is not None

    return train(corpus, replace(config, learning_rate=config.learning_rate * TOO_HIGH, spike_factor=0.0), is_over)


def figures(found: Mapping[str, Forecast], broken: Trained, steps: int, are_real: bool) -> list[Figure]:
    """Return the figures of all sets, and how the stop rule did."""
    told = []
    for name, one in found.items():
        off, cost = abs(one.error), one.cost
        told += [
            _judged(f"forecast of the final bits per byte, off by, {name}", off, ERROR_GOAL, are_real),
            _judged(f"pilots, of the training's processor-seconds, {name}", cost, COST_GOAL, are_real),
            Figure(f"forecast, {name}", one.said.value, "bits per byte", "", None),
            Figure(f"what came, {name}", one.came.bits_per_byte, "bits per byte", "", None),
        ]
    alarms = sum(len(one.alarms) for one in found.values())
    return [
        *told,
        Figure("false alarms of the stop rule", alarms, "alarms", "0", alarms == 0 if are_real else None),
        Figure("a rate far too high is ended after", broken.steps / steps, "of the steps", "", None),
    ]


def _judged(name: str, value: float, goal: float, are_real: bool) -> Figure:
    return Figure(name, value, "share", f"<= {goal}", value <= goal if are_real else None)


def _run(config: PretrainConfig) -> Run:
    return Run(config.steps, config.warmup_steps, config.decay_fraction, config.batch_size * config.sequence_length)


def _rule(course: Sequence[Expected], folder: Path) -> StopRule:
    folder.mkdir()
    return StopRule({one.step: one for one in course}, folder, lambda *_, **told: print(told, flush=True))


def _limited(texts: Sequence[str]) -> list[str]:
    taken, left = [], _MOST_BYTES
    for text in texts:
        if left <= 0:
            break
        taken.append(text)
        left -= len(text)
    return taken


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one set, fewer and smaller steps")
    real_sets.add_option(arguments)
    chosen = arguments.parse_args()
    budget = QUICK if chosen.quick else Budget()
    torch.set_num_threads(1)
    sets = real_sets.load(chosen.data)
    are_real = real_sets.are_real(sets) and not chosen.quick
    sets = dict(list(sets.items())[: 1 if chosen.quick else None])
    found: dict[str, Forecast] = {}
    config, broken = settings(budget), None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for subject, texts in sets.items():
            place = folder / subject.replace(" ", "-")
            corpus = prepare(
                _limited(texts), budget.vocabulary, budget.length, place, budget.held_out, budget.scored_tokens
            )
            found[subject], course = compare(corpus, config, place / "rule")
            print(f"{subject}: off by {found[subject].error:+.2%}, for {found[subject].cost:.1%}", flush=True)
            broken = broken or ended_early(corpus, config, course, place / "broken")
    assert broken is not None, "there is always a set"
    details: dict[str, Any] = {
        "sets": {subject: {**asdict(one), "error": one.error, "cost": one.cost} for subject, one in found.items()},
        "ended_early": asdict(broken),
        "model": asdict(config.model),
        "budget": asdict(budget),
        "is_quick": chosen.quick,
        "torch": torch.__version__,
    }
    publish("train_forecast", figures(found, broken, budget.steps, are_real), details)


if __name__ == "__main__":
    main()
