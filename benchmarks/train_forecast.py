"""How a training will end, said from pilots that cost less than a tenth of it.

For each of three sets of texts (questions on health, contracts, German laws) the pilots that Ingot would choose are
run, the forecast is made from them alone, and only then the training itself: the figure is by how much the forecast of
bits per byte on unseen documents is off, and what the pilots took of the training's processor-seconds, looks at
held-out text included on both sides. What the law expects beforehand was measured on another text (the standard
library, docs/decisions/0003-small-budgets-want-small-models.md). How far it lets a corpus be otherwise (the spreads of
plan/law.py) was set after these three were seen: with half of it German laws came out 4% off. So a fourth set, the
headers that come with torch, was forecast only after that: it is the one that tells what to expect of an unknown text.

The stop rule watches every training and must stay silent; one more, with a rate that is far too high, it must end.

The figures are of the real sets beside the checkout; without them the others are forecast, and they say that they were
not measured. `--again` makes the forecasts anew from the trainings of an earlier result, which would be the same bits,
and trains only what is not in it.

    python benchmarks/train_forecast.py [--quick] [--again benchmarks/results/train_forecast-<machine>.json]
"""

from __future__ import annotations

import argparse
import json
import random
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
from ingot.plan.pilots import PilotRun, pilot_runs
from ingot.plan.prediction import Expected, Finished, Run, foresee
from ingot.plan.scaling import Shape
from ingot.train.config import PretrainConfig
from ingot.train.course import StopRule

ERROR_GOAL, COST_GOAL = 0.02, 0.10
SHAPE, RATE, BASE_WIDTH = Shape(64, 2), 4e-3, 256
TOO_HIGH = 16.0
BROKEN, BLIND = "ended early", "torch headers"
_MOST_BYTES = 16_000_000
_OFF, _COST = "forecast of the final bits per byte, off by", "pilots, of the training's processor-seconds"


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
    course: Sequence[Expected]
    pilots: Sequence[Trained]
    came: Trained
    is_stopped: bool

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


def run_pilots(corpus: Corpus, config: PretrainConfig) -> list[Trained]:
    """Train the pilots of a training."""
    return [train(corpus, replace(config, **asdict(pilot))) for pilot in _pilots(config)]


def judge(pilots: Sequence[Trained], came: Trained, config: PretrainConfig, folder: Path) -> Forecast:
    """Say from pilots how a training goes, and compare with how it went; the stop rule sees its looks in turn."""
    finished = [
        Finished(_run(replace(config, **asdict(pilot))), config.model.parameters, told.bits_per_byte, told.looks)
        for pilot, told in zip(_pilots(config), pilots, strict=True)
    ]
    end, course = foresee(_run(config), config.model.parameters, config.evaluate_every, finished)
    rule = _rule(course, folder)
    for step, value in came.looks.items():
        rule.compare(step, value)
    return Forecast(end, course, pilots, came, rule.reason is not None)


def ended_early(corpus: Corpus, config: PretrainConfig, course: Sequence[Expected], folder: Path) -> Trained:
    """Train with a rate that is far too high until the stop rule ends it."""
    rule = _rule(course, folder)

    def is_over(step: int, value: float) -> bool:
        rule.compare(step, value)
        return rule.reason is not None

    return train(corpus, replace(config, learning_rate=config.learning_rate * TOO_HIGH, spike_factor=0.0), is_over)


def recorded(path: Path | None) -> dict[str, list[Trained]]:
    """Return the trainings of an earlier result by set, pilots first; and the one that was ended early by its name."""
    if path is None:
        return {}
    details = json.loads(path.read_text(encoding="utf-8"))["details"]
    sets = {name: [*told["pilots"], told["came"]] for name, told in details["sets"].items()}
    return {
        name: [Trained(**{**one, "looks": {int(step): bits for step, bits in one["looks"].items()}}) for one in each]
        for name, each in {**sets, BROKEN: [details["ended_early"]]}.items()
    }


def headers() -> list[str]:
    """Return the headers that come with torch but for the generated ones, shuffled the same way every time."""
    paths = sorted(path for path in (Path(torch.__file__).parent / "include").rglob("*.h") if "ops" not in path.parts)
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    random.Random(1).shuffle(texts)
    return texts


def figures(found: Mapping[str, Forecast], broken: Trained, steps: int, are_real: bool) -> list[Figure]:
    """Return the figures of all sets, and how the stop rule did."""
    told = []
    for name, one in found.items():
        off, cost = abs(one.error), one.cost
        told += [
            _judged(f"{_OFF}, {name}", off, ERROR_GOAL, are_real),
            _judged(f"{_COST}, {name}", cost, COST_GOAL, are_real),
            Figure(f"forecast, {name}", one.said.value, "bits per byte", "", None),
            Figure(f"what came, {name}", one.came.bits_per_byte, "bits per byte", "", None),
        ]
    for name in real_sets.SETS.keys() - found.keys():
        told.append(Figure(f"{_OFF}, {name}", None, "share", f"<= {ERROR_GOAL}", None))
        told.append(Figure(f"{_COST}, {name}", None, "share", f"<= {COST_GOAL}", None))
    if BLIND in found:
        worst = max(abs(one.error) for one in found.values())
        told.insert(
            0, _judged(f"{_OFF}, the worst of all sets with one never seen before", worst, ERROR_GOAL, are_real)
        )
    alarms = sum(one.is_stopped for one in found.values())
    return [
        *told,
        Figure(
            "trainings that the stop rule would have ended wrongly",
            alarms,
            "trainings",
            "0",
            alarms == 0 if are_real else None,
        ),
        Figure("a rate far too high is ended after", broken.steps / steps, "of the steps", "", None),
    ]


def _judged(name: str, value: float, goal: float, are_real: bool) -> Figure:
    return Figure(name, value, "share", f"<= {goal}", value <= goal if are_real else None)


def _pilots(config: PretrainConfig) -> list[PilotRun]:
    tokens = config.batch_size * config.sequence_length
    return pilot_runs(config.steps, config.warmup_steps, tokens, config.model.vocabulary)


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
    arguments.add_argument("--again", type=Path, help="an earlier result whose trainings are taken")
    chosen = arguments.parse_args()
    budget, earlier = QUICK if chosen.quick else Budget(), recorded(chosen.again)
    torch.set_num_threads(1)
    sets = real_sets.load(chosen.data)
    are_real = real_sets.are_real(sets) and not chosen.quick
    sets = {**sets, BLIND: headers()} if not chosen.quick else dict(list(sets.items())[:1])
    found: dict[str, Forecast] = {}
    config, broken = settings(budget), None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for subject, texts in sets.items():
            place = folder / subject.replace(" ", "-")
            place.mkdir()
            if subject in earlier:
                *pilots, came = earlier[subject]
                broken = broken or earlier[BROKEN][0]
            else:
                kept = (budget.vocabulary, budget.length, place / "corpus", budget.held_out, budget.scored_tokens)
                corpus = prepare(_limited(texts), *kept)
                pilots, came = run_pilots(corpus, config), train(corpus, config)
            found[subject] = judge(pilots, came, config, place / "rule")
            broken = broken or ended_early(corpus, config, found[subject].course, place / "broken")
            print(f"{subject}: off by {found[subject].error:+.2%}, for {found[subject].cost:.1%}", flush=True)
    assert broken is not None, "there is always a set"
    details: dict[str, Any] = {
        "sets": {subject: {**asdict(one), "error": one.error, "cost": one.cost} for subject, one in found.items()},
        "ended_early": asdict(broken),
        "model": asdict(config.model),
        "budget": asdict(budget),
        "is_quick": chosen.quick,
        "trainings_of_an_earlier_run": sorted(earlier),
        "torch": torch.__version__,
    }
    publish("train_forecast", figures(found, broken, budget.steps, are_real), details)


if __name__ == "__main__":
    main()
