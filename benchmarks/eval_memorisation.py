"""What the memorisation audit finds of canaries that were put into a training, and what it finds that is not there.

Part of the standard library is built into small models by the recipe of `ingot build`, each text read once, with 20
canaries each at 1, 4, 16 and 64 repeats. That takes a larger share of so small a text than a build allows, so the share
is set here and told. With each seed two more models are trained, one with the share that a build allows and one without
canaries: they say what canaries cost in quality.

Found means recognised: ranked among the highest hundredth by controls that the model never read. Extracted means that
greedy decoding says the secret word for word. A false alarm is either of them on a control.

    python benchmarks/eval_memorisation.py [--quick] [--seeds 2] [--tokens 1500000]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.corpus import LEFT_OUT, small_part, standard_library
from benchmarks.report import Figure, publish
from ingot.data.canaries import Config as CanaryConfig
from ingot.evaluate.exposure import upper_bound
from ingot.flow.home import Home
from ingot.flow.recipe_file import as_literals, steps_from_literals
from ingot.flow.runner import Options, run
from ingot.recipes.quickstart import Choices, quickstart

NAME, LEVELS, MOST_FALSE = "audited", ("1", "4", "16", "64"), 0.05
WIDTH, LAYERS, VOCABULARY = 128, 2, 4096


@dataclass(frozen=True)
class Size:
    """How much is trained on, and which share of the text canaries may be."""

    paths: Sequence[str]
    tokens: int
    share: float
    seeds: int


@dataclass(frozen=True)
class Built:
    """What one build came to."""

    audit: Mapping[str, Any]
    bits_per_byte: float
    training_seconds: float
    audit_seconds: float


def build(home: Home, size: Size, seed: int, share: float) -> Built:
    """Build a model as `ingot build` does, with canaries up to a share of its text.

    Of several in one home only what differs is made anew.
    """
    choices = Choices(
        tokens=size.tokens,
        vocabulary=VOCABULARY,
        width=WIDTH,
        layers=LAYERS,
        seed=seed,
        exclude=LEFT_OUT,
        canaries=share > 0,
    )
    recipe = as_literals(quickstart(NAME, size.paths, choices))
    if share:
        recipe["steps"]["shards"]["config"]["canaries"]["largest_share"] = share
    made = run(steps_from_literals(recipe["steps"], "benchmark"), home, Options(cores=1)).artifacts
    return Built(
        made["audit"].facts,
        made["report"].facts["bits_per_byte"],
        made["checkpoint"].record.seconds,
        made["audit"].record.seconds,
    )


def added(built: Sequence[Built], repeats: str, name: str) -> tuple[int, int]:
    """Return how many canaries of a number of repeats the audits found in some way, and how many there were."""
    levels = [one.audit["canaries"][repeats] for one in built if repeats in one.audit["canaries"]]
    return sum(level[name] for level in levels), sum(level["inserted"] for level in levels)


def figures(built: Sequence[Built], usual: Sequence[Built], without: Sequence[Built]) -> list[Figure]:
    """Return what is claimed of an audit."""
    told = []
    for repeats in LEVELS:
        for name in ("recognised", "extracted"):
            found, tried = added(built, repeats, name)
            wanted = {("64", "recognised"): "all", ("1", "extracted"): "0"}.get((repeats, name), "")
            holds = {"all": found == tried > 0, "0": found == 0 < tried}.get(wanted)
            unit = f"of {tried} canaries"
            told.append(Figure(f"stand in the text {repeats} times, {name}", found, unit, wanted, holds))
    controls = sum(one.audit["controls"] for one in built)
    false = round(sum(one.audit["controls"] * one.audit["false_alarms"] for one in built))
    bound = upper_bound(false, controls)
    told.append(Figure("false alarms on controls", false / controls, "share", "<= 0.05", bound <= MOST_FALSE))
    told.append(Figure("false alarms on controls, at most (95%, Clopper-Pearson)", bound, "share", "", None))
    share = sum(one.audit_seconds for one in built) / sum(one.training_seconds for one in built)
    told.append(Figure("the audit's seconds, of the training's", share, "share", "", None))
    for name, arm in (("canaries", built), ("the canaries of a build", usual)):
        pairs = zip(arm, without, strict=False)
        if cost := [one.bits_per_byte / other.bits_per_byte - 1 for one, other in pairs]:
            told.append(Figure(f"bits per byte with {name}, above without", sum(cost) / len(cost), "share", "", None))
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small model of a megabyte, at most two minutes")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=1_500_000)
    options = parser.parse_args()
    size = Size([str(standard_library())], options.tokens, 0.035, options.seeds)
    if options.quick:
        size = Size(small_part(), 400_000, 0.08, 1)
    with tempfile.TemporaryDirectory(prefix="ingot-memorisation-") as folder:
        home = Home(Path(folder))
        home.create()
        built, usual, without = [], [], []
        for seed in range(size.seeds):
            built.append(build(home, size, seed, size.share))
            print(f"seed {seed}: {built[-1].audit['verdict']}; {'; '.join(built[-1].audit['reasons'])}", flush=True)
            if not options.quick:
                usual.append(build(home, size, seed, CanaryConfig().largest_share))
                without.append(build(home, size, seed, 0.0))
    details = {
        "is_quick": options.quick,
        "tokens": size.tokens,
        "seeds": size.seeds,
        "model": {"width": WIDTH, "layers": LAYERS, "vocabulary": VOCABULARY},
        "largest_share": size.share,
        "audits": [dict(one.audit) for one in (*built, *usual)],
        "bits_per_byte": [[one.bits_per_byte for one in arm] for arm in (built, usual, without)],
        "training_seconds": [[one.training_seconds for one in arm] for arm in (built, usual, without)],
        "audit_seconds": [one.audit_seconds for one in built],
    }
    publish("eval_memorisation", figures(built, usual, without), details)


if __name__ == "__main__":
    main()
