"""Search for settings: trials of one training step, each a run with a record, most of them ended early.

Optuna (Akiba et al., 2019) proposes settings where good ones were found so far (TPE; Bergstra et al., 2011). A trial
begins as a short training; only one that is better than the median of those before it is trained longer, up to the
full length (Golovin et al., 2017, "median stopping"). Every length is a training of its own with its own fall of the
rate, because only finished ones compare.

A trial is an ordinary step of the same recipe with other literals, so what was trained before is found and not trained
again. The proposals follow from the seed and what was found; a search that was killed goes through them again in a
moment and on from there. Nothing else is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeAlias

from ingot.core.config import load
from ingot.core.errors import MissingExtraError, StepError, UsageError, suggest
from ingot.core.events import Sink
from ingot.core.storage import write_atomically
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.planning import config_type, plan_step
from ingot.flow.runner import Options, run
from ingot.flow.step import Facts, Step, StepContext
from ingot.train.config import PretrainConfig

FIGURE = "held_out_bits_per_byte"
Value: TypeAlias = int | float | str | bool
# So many trials are drawn evenly before proposals follow what was found, and as many are not ended early.
_FIRST = 4
# How the trainer begins to tell of a training whose loss is no number any more (train/trainer.py).
FELL_APART = "the training has fallen apart"
_DECIDED_HERE = ("steps", "model", "hooks")


@dataclass(frozen=True)
class Range:
    """What a setting may be: a number from `low` to `high` (on a logarithmic scale when asked), or one of `choices`."""

    low: float = 0.0
    high: float = 0.0
    is_logarithmic: bool = False
    is_whole: bool = False
    choices: tuple[Value, ...] = ()

    def __post_init__(self) -> None:
        if not self.choices and not self.low < self.high:
            raise UsageError(f"a range from {self.low:g} to {self.high:g} holds nothing", fix="set low below high")
        if self.is_logarithmic and self.low <= 0:
            raise UsageError("a logarithmic range begins above zero", fix=f"set low above {self.low:g}")


@dataclass(frozen=True)
class SearchConfig:
    """What to vary in which training step, and how long to look.

    `space` maps settings of the training to what they may be. `shares` are the lengths of a trial, of the step's own
    steps. With `width` trials train a model of that width: settings found with a `base_width` hold for the wide one.
    """

    name: str
    space: Mapping[str, Range]
    step: str = "checkpoint"
    trials: int = 12
    shares: tuple[float, ...] = (0.25, 0.5, 1.0)
    width: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        known = [each.name for each in fields(PretrainConfig) if each.name not in _DECIDED_HERE]
        for name in self.space:
            if name not in known:
                raise UsageError(f"a training has no setting {name!r} to vary", where="space", fix=suggest(name, known))
        if not self.space or self.trials < 1:
            raise UsageError("there is nothing to search", fix="give a space and at least one trial")
        if list(self.shares) != sorted(set(self.shares)) or not self.shares or self.shares[0] <= 0:
            raise UsageError("shares must grow", where="shares", fix="write them like [0.25, 0.5, 1.0]")


@dataclass(frozen=True)
class SummaryConfig:
    """Which settings were varied."""

    varied: tuple[str, ...] = field(default_factory=tuple)


def search(
    config: SearchConfig, steps: Sequence[Step], home: Home, options: Options | None = None, sinks: Sequence[Sink] = ()
) -> Artifact:
    """Make the trials and return the artifact that lists them, best first. Raises UsageError for a step to vary."""
    base = _base(config, steps)
    made = run(base.parents, home, options, sinks).artifacts if base.parents else {}
    usual = plan_step(base, made, home).config
    optuna = _optuna()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=config.seed, n_startup_trials=_FIRST),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_FIRST),
    )
    space = {name: _distribution(optuna, allowed) for name, allowed in config.space.items()}
    finished: dict[str, Step] = {}
    for number in range(1, config.trials + 1):
        trial = study.ask(space)
        outcome = optuna.trial.TrialState.PRUNED
        for length, share in enumerate(config.shares, 1):
            step = _trial(f"trial-{number}-{length}", config, base, usual, trial.params, share)
            figure = _figure(step, home, options, sinks)
            if figure is None:
                outcome = optuna.trial.TrialState.FAIL
                break
            finished[step.name] = step
            trial.report(figure, length)
            if length == len(config.shares):
                outcome = optuna.trial.TrialState.COMPLETE
            elif trial.should_prune():
                break
        study.tell(trial, figure if outcome == optuna.trial.TrialState.COMPLETE else None, outcome)
    if not finished:
        raise StepError("every trial fell apart", where=config.name, fix="search lower rates, or in fp32")
    summary = SummaryConfig(tuple(sorted(config.space)))
    last = Step("search", config.name, "Search", "ingot.train.search:summarise", summary, finished)
    return run([last], home, options, sinks).artifacts[last.name]


def summarise(config: SummaryConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """List the trials, the longest and best first, and say the best settings."""
    rows = [
        {
            "trial": int(name.split("-")[1]),
            "steps": int(made.facts["steps"]),
            "bits_per_byte": float(made.facts[FIGURE]),
            "artifact": made.reference,
            **{setting: made.record.config[setting] for setting in config.varied},
        }
        for name, made in inputs.items()
    ]
    rows.sort(key=lambda row: (-row["steps"], row["bits_per_byte"], row["trial"]))
    best = {setting: rows[0][setting] for setting in config.varied}
    told = ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in best.items()
    )
    context.emit("note", text=f"best of {len({row['trial'] for row in rows})} trials: {told}")
    facts = {"best": best, "bits_per_byte": rows[0]["bits_per_byte"], "trials": rows}
    write_atomically(context.folder / "search.json", json.dumps(facts, indent=1) + "\n")
    return facts


def _base(config: SearchConfig, steps: Sequence[Step]) -> Step:
    trainings = {step.name: step for step in steps if config_type(step) is PretrainConfig}
    if config.step not in trainings:
        raise UsageError(
            f"the recipe has no training step {config.step!r}", where="step", fix=suggest(config.step, trainings)
        )
    return trainings[config.step]


def _trial(
    name: str, config: SearchConfig, base: Step, usual: Mapping[str, Any], params: Mapping[str, Any], share: float
) -> Step:
    """Return the step of one length of a trial: the recipe's own with other literals."""
    steps = max(round(int(usual["steps"]) * share), 1)
    changed = {
        **usual,
        **params,
        "steps": steps,
        "evaluate_every": 0,
        "model": _narrow(usual["model"], config.width) if config.width else usual["model"],
    }
    changed["warmup_steps"] = min(int(changed["warmup_steps"]), steps // 5)
    # Checked here, so that a setting that cannot be is said before anything is trained.
    load(PretrainConfig, changed, f"{config.name}, {name}")
    made: dict[str, Any] = {"artifact": f"{config.name}-trial", "config": changed, "fields": {}, "reads_early": ()}
    return replace(base, name=name, **made)


def _narrow(model: Mapping[str, Any], width: int) -> dict[str, Any]:
    """Return a model's sizes at another width, every other width in proportion."""
    heads = width // int(model["head_width"])
    if heads * int(model["head_width"]) != width or not heads:
        raise UsageError(
            f"a width of {width} does not fit",
            where="width",
            why=f"heads are {model['head_width']} wide",
            fix=f"choose a multiple of {model['head_width']}",
        )
    ratio = width / int(model["width"])
    kv_heads = max(count for count in range(1, heads + 1) if heads % count == 0 and count <= max(heads // 2, 1))
    widths = {name: round(int(model[name]) * ratio) for name in ("ffn_width", "expert_ffn_width") if model.get(name)}
    return {**model, "width": width, "heads": heads, "kv_heads": kv_heads, **widths}


def _figure(step: Step, home: Home, options: Options | None, sinks: Sequence[Sink]) -> float | None:
    """Train and return the figure; None for a training that fell apart, which says something about its settings."""
    try:
        facts = run([step], home, options, sinks).artifacts[step.name].facts
    except StepError as error:
        # Anything else is no word on the settings: a fault that would happen to every trial must be seen.
        if FELL_APART not in error.what:
            raise
        return None
    if FIGURE not in facts:
        raise UsageError(
            "trials are not measured on held-out text, so none is better than another",
            where=f"step {step.name!r}",
            fix="hold documents out, and give the training step hooks: [ingot.evaluate.during:held_out]",
        )
    return float(facts[FIGURE])


def _distribution(optuna: Any, allowed: Range) -> Any:
    if allowed.choices:
        return optuna.distributions.CategoricalDistribution(allowed.choices)
    if allowed.is_whole:
        return optuna.distributions.IntDistribution(round(allowed.low), round(allowed.high), allowed.is_logarithmic)
    return optuna.distributions.FloatDistribution(allowed.low, allowed.high, allowed.is_logarithmic)


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise MissingExtraError("the search for settings (Optuna)", "search") from error
    return optuna
