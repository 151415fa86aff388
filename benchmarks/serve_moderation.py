"""How well a trained detector tells what must not pass, beside a list of words.

Two public sets that are made to be hard for lists of words, each judged on templates or topics that were not trained
on:

- HateCheck: hateful sentences beside sentences about the same people that are not. Folds keep a template together.
- AdvBench against the safe questions of XSTest: requests to do harm beside harmless ones with the same words in them
  ("how can I kill a Python process?"). The unsafe questions of XSTest and harmless instructions (Self-Instruct) are
  trained on, too, so that "a question" is not what is learned. Folds keep a kind of question together, and requests
  that resemble one another.

The detector is the classifier of words that a policy can name (`kind: classifier`), trained with a few thousand
examples. Beside it stand two lists of words, of which those in a text are counted: one that a person writes down, as
such filters usually begin, and, for the scale, the best one that the same training examples give. The area under the
curve is how probable it is that a text which must not pass scores above one that may: 0.5 is guessing.

The sets lie beside the checkout; without them nothing is measured, and the figures say so.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import real_sets
from benchmarks.report import Figure, publish
from ingot.data.batch import of_texts
from ingot.data.logistic import Rows, area_under_curve, fit, rows_of
from ingot.data.similarity import groups, sketches_of
from ingot.data.text_classifier import COLUMNS, features
from ingot.safety.detection import detectors, find

FOLDS, PENALTY, LISTED, SIMILARITY = 5, 0.3, 200, 0.5
CLEARLY = 0.05  # how much larger the area must be
FILES = ("hatecheck/test_suite_cases.csv", "advbench/harmful_behaviors.csv", "xstest/xstest_prompts.csv")

_HATE = """
hate hated despise loathe disgust disgusting scum vermin filth filthy trash worthless inferior subhuman animals
plague parasites disease kill killed exterminate burn die dead rape attack hurt stupid dumb evil ugly freaks
monsters criminals deport ban wipe slaughter beat stab shoot repulsive pathetic horrible
"""
_HARM = """
kill murder bomb bombs weapon weapons gun guns explosive explosives poison drug drugs steal theft rob hack
hacking malware virus ransomware phishing fraud forge counterfeit launder blackmail stalk harass bully terrorist
terrorism attack assault suicide anorexia pornography piracy exploit smuggle bribe kidnap torture arson racist
sexist violence violent illegal illegally scam identity password cyberattack insider shoot stab cocaine meth
"""

Numbers = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Examples:
    """Texts, which must not pass, what is kept together in a fold, and which of them are judged."""

    texts: list[str]
    is_bad: Booleans
    group: npt.NDArray[np.int64]
    is_judged: Booleans
    listed: Sequence[str]

    def words(self) -> list[set[str]]:
        """Return the words of every text, in small letters."""
        return [set("".join(each if each.isalnum() else " " for each in text.lower()).split()) for text in self.texts]


def hatecheck(folder: Path) -> Examples:
    """Return the cases; those of one template, and their misspelt forms, are one group."""
    with (folder / FILES[0]).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    is_bad = np.array([row["label_gold"] == "hateful" for row in rows])
    named = [row["ref_templ_id"] or row["templ_id"] for row in rows]
    _, group = np.unique(named, return_inverse=True)
    return Examples([row["test_case"].strip() for row in rows], is_bad, group, np.ones(len(rows), bool), _HATE.split())


def requests(folder: Path) -> Examples:
    """Return AdvBench and the safe questions of XSTest, which are judged, and what else is trained on."""
    with (folder / FILES[1]).open(encoding="utf-8", newline="") as file:
        harmful = [row["goal"] for row in csv.DictReader(file)]
    with (folder / FILES[2]).open(encoding="utf-8", newline="") as file:
        questions = list(csv.DictReader(file))
    lines = (folder / "self_instruct/seed_tasks.jsonl").read_text(encoding="utf-8").splitlines()
    harmless = [json.loads(line)["instruction"] for line in lines]
    texts = [*harmful, *(row["prompt"] for row in questions), *harmless]
    is_safe = [row["label"] == "safe" for row in questions]
    is_bad = np.array([*[True] * len(harmful), *(not safe for safe in is_safe), *[False] * len(harmless)])
    is_judged = np.array([*[True] * len(harmful), *is_safe, *[False] * len(harmless)])
    alike = groups(sketches_of([of_texts(texts).statistics]), SIMILARITY)
    # A kind of question is one group: safe and unsafe ones of a kind share their words on purpose.
    kinds = {kind: number for number, kind in enumerate(sorted({row["type"] for row in questions}))}
    group = alike + len(kinds)
    group[len(harmful) : len(harmful) + len(questions)] = [kinds[row["type"]] for row in questions]
    return Examples(texts, is_bad, np.unique(group, return_inverse=True)[1], is_judged, _HARM.split())


def folds(group: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """Return the fold of every example."""
    return (np.random.default_rng(seed).permutation(int(group.max()) + 1) % FOLDS)[group]


def detector(rows: Rows, examples: Examples, fold: npt.NDArray[np.int64]) -> Numbers:
    """Return the score of every example by a classifier trained without its fold."""
    scores = np.zeros(len(examples.texts))
    for number in range(FOLDS):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        scores[outside] = rows.take(outside).times(fit(rows.take(inside), examples.is_bad[inside], PENALTY))
    return scores


def written_list(examples: Examples) -> Numbers:
    """Return how many words of a list that a person wrote down each example has."""
    return np.array([float(len(words & set(examples.listed))) for words in examples.words()])


def best_list(examples: Examples, fold: npt.NDArray[np.int64]) -> Numbers:
    """Return how many words of a list each example has; the list is made without its fold."""
    words = examples.words()
    known = {word: place for place, word in enumerate(sorted(set().union(*words)))}
    occurs = np.zeros((len(words), len(known)), bool)
    for row, some in enumerate(words):
        occurs[row, [known[word] for word in some]] = True
    scores = np.zeros(len(words))
    for number in range(FOLDS):
        inside = fold != number
        bad, good = examples.is_bad & inside, ~examples.is_bad & inside
        odds = np.log((occurs[bad].sum(0) + 1) / (bad.sum() + 2)) - np.log((occurs[good].sum(0) + 1) / (good.sum() + 2))
        listed = np.argsort(-odds, kind="stable")[:LISTED]
        scores[~inside] = occurs[~inside][:, listed].sum(1)
    return scores


def areas(examples: Examples, seeds: Sequence[int]) -> dict[str, float]:
    """Return the areas of the detector and of both lists, over several ways to make the folds."""
    rows = rows_of([features(text) for text in examples.texts], COLUMNS)
    judged, found = examples.is_judged, []
    for seed in seeds:
        fold = folds(examples.group, seed)
        scores = {
            "detector": detector(rows, examples, fold),
            "list written down": written_list(examples),
            "best list": best_list(examples, fold),
        }
        found.append({name: area_under_curve(each[judged], examples.is_bad[judged]) for name, each in scores.items()})
        print(f"seed {seed}:", {name: round(area, 3) for name, area in found[-1].items()}, flush=True)
    return {name: float(np.mean([each[name] for each in found])) for name in found[0]}


def false_alarms(texts: Sequence[str]) -> float:
    """Return the share of harmless texts in which the detector of prompt injections finds something."""
    chosen = detectors(types=("jailbreaking",))
    return float(np.mean([bool(find(text, chosen)) for text in texts]))


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one way to make the folds instead of five")
    real_sets.add_option(arguments)
    chosen = arguments.parse_args()
    names = ("hateful sentences (HateCheck)", "requests to do harm (AdvBench against XSTest)")
    if not all((chosen.data / name).is_file() for name in FILES):
        missing = [Figure(f"area under the curve: {name}", None, "share", "", None) for name in names]
        publish("serve_moderation", missing, {"why": "the real sets are not beside the checkout"})
        return
    began, seeds, figures = time.process_time(), range(1 if chosen.quick else 5), []
    for name, examples in zip(names, (hatecheck(chosen.data), requests(chosen.data)), strict=True):
        area = areas(examples, seeds)
        least = area["list written down"] + CLEARLY
        goal = f">= list + {CLEARLY}"
        figures += [
            Figure(f"area under the curve: {name}", area["detector"], "share", goal, area["detector"] >= least),
            Figure(f"a list of words written down: {name}", area["list written down"], "share", "beside it", None),
            Figure(f"the best list of the same examples: {name}", area["best list"], "share", "beside it", None),
        ]
    harmless = [text for text, bad in zip(examples.texts, examples.is_bad, strict=True) if not bad]
    alarms = false_alarms(harmless)
    figures.append(Figure("harmless requests taken for prompt injection", alarms, "share", "<= 0.01", alarms <= 0.01))
    publish("serve_moderation", figures, {"is_quick": chosen.quick, "seconds": time.process_time() - began})


if __name__ == "__main__":
    main()
