"""evidence.html: the answer in three sentences, a table with intervals, and the numbers behind it.

One file with nothing loaded from anywhere; printed by a browser it is the PDF for the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot import __version__
from ingot.core import charts, pages
from ingot.core.hardware import machine
from ingot.core.storage import as_size
from ingot.evaluate.evidence.arms import COMPUTE, CONTINUED, RETRIEVAL, SHORT_NAMES, STATIC, Arm
from ingot.evaluate.evidence.choosing import OWN
from ingot.evaluate.evidence.losses import LEAST_DOCUMENTS, Part, Worst
from ingot.evaluate.report import watt_hours
from ingot.flow.artifact import Artifact
from ingot.plan.explain import count, duration

PAGE_FILE = "evidence.html"
TEMPLATE = Path(__file__).with_name("evidence.html.jinja")
_SHOWN = {"better": "own is better", "worse": "own is worse", "alike": "no difference that matters", "unsure": "unsure"}


@dataclass(frozen=True)
class Comparison:
    """What the page is made of; `lost` is the share of own documents on which the own model is worse."""

    inputs: Mapping[str, Artifact]
    arms: Sequence[Arm]
    facts: Mapping[str, Any]
    by_label: Sequence[Part]
    by_kind: Sequence[Part]
    beside_on_own: Arm
    beside_on_general: Arm
    lost: float
    worst: Sequence[Worst]


def render(comparison: Comparison) -> str:
    """Return the page as HTML."""
    facts, here = comparison.facts, machine()
    values = {
        "answer": facts["answer"],
        "notes": facts["notes"],
        "chart": _chart(facts),
        "rows": [_row(each, facts) for each in facts["arms"]],
        "has_labels": facts["words_label_accuracy"] is not None,
        "words_labels": facts["words_label_accuracy"],
        "beside_words": _beside_words(facts),
        "costs": [_cost(each) for each in facts["arms"]],
        "seeds": facts["seeds"],
        "by_label": [_part(each) for each in comparison.by_label],
        "by_kind": [_part(each) for each in comparison.by_kind],
        "beside_on_own": comparison.beside_on_own.name,
        "beside_on_general": comparison.beside_on_general.name,
        "least_documents": LEAST_DOCUMENTS,
        "lost": f"{comparison.lost:.0%}",
        "worst": comparison.worst,
        "method": _method(comparison),
        "records": [(name, each.reference) for name, each in comparison.inputs.items()],
        "version": __version__,
        "machine": f"{here.processor}, {here.cores} cores",
    }
    return pages.render(TEMPLATE, values)


def _chart(facts: Mapping[str, Any]) -> str:
    bars = [
        charts.Bar(SHORT_NAMES[each["arm"]], **each["own"], is_own=each["arm"] == OWN)
        for each in facts["arms"]
        if each["basis"] == COMPUTE
    ]
    bars += [charts.Bar(f"{STATIC[name]} (no model)", value) for name, value in facts["static"].items()]
    return charts.bars(sorted(bars, key=lambda bar: bar.value), "bits per byte")


def _row(arm: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    found = [
        each
        for each in facts["compared"]
        if (each["arm"], each["basis"], each["on"]) == (arm["arm"], arm["basis"], OWN)
    ]
    return {
        "name": arm["name"],
        "is_own": arm["arm"] == OWN,
        "own": _bits(arm["own"]),
        "general": _bits(arm["general"]),
        "fewer": _share(found[0]["fewer"]) if found else "",
        "shows": _SHOWN[found[0]["shows"]] if found else "",
        "labels": _share(arm["labels"]) if arm["labels"] else "",
        "seeds": ", ".join(f"{each:.3f}" for each in arm["seeds"]),
    }


def _cost(arm: Mapping[str, Any]) -> dict[str, str]:
    joules, answer = arm["joules"], arm["answer_joules"]
    return {
        "name": arm["name"] + (" *" if arm["arm"] in (CONTINUED, RETRIEVAL) else ""),
        "parameters": count(arm["parameters"]),
        "steps": f"{arm['steps']:,}" if arm["steps"] else "none",
        "seen": as_size(arm["bytes_seen"]) if arm["bytes_seen"] else "",
        "time": _time(arm["processor_seconds"]),
        "energy": "none" if joules == 0 else watt_hours(None if joules is None else joules / 3600),
        "answer_time": "" if arm["answer_seconds"] is None else f"{arm['answer_seconds']:.2g} s",
        "answer_energy": "" if answer is None else f"{answer:.2g} J",
        "recited": _share(arm["recited"]) if arm["recited"] else "",
        "recited_unseen": _share(arm["recited_unseen"]) if arm["recited_unseen"] else "",
        "energy_method": arm["energy_method"],
    }


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "not measured"
    return duration(seconds) if seconds else "none"


def _part(part: Part) -> dict[str, str]:
    between = {"value": part.share.value, "low": part.share.low, "high": part.share.high}
    return {
        "name": part.name,
        "documents": f"{part.documents:,}",
        "own": f"{part.own:.3f}",
        "other": f"{part.other:.3f}",
        "fewer": _share(between),
        "shows": _SHOWN[part.shows],
    }


def _beside_words(facts: Mapping[str, Any]) -> str:
    """Say how the own model's labels compare with those of the words alone, seed by seed."""
    pairs = facts["labels_beside_words"]
    if not pairs:
        return ""
    told = [f"{each['difference']:+.3f} ({each['low']:+.3f} to {each['high']:+.3f})" for each in pairs]
    clear = [each for each in pairs if each["low"] > 0 or each["high"] < 0]
    words = "own model less words: " + ", ".join(told)
    if len(clear) < len(pairs):
        return f"{words}. That is not a clear difference."
    return f"{words}. The own model is clearly {'better' if pairs[0]['difference'] > 0 else 'worse'} at it."


def _method(comparison: Comparison) -> list[str]:
    """Return how it was measured, a sentence for each thing that could have gone wrong."""
    texts, dataset = comparison.inputs["texts"].facts, comparison.inputs["dataset"].facts
    own, general = texts["own_held_out"], texts["general_held_out"]
    mix, courses = comparison.inputs["mix"].facts, comparison.inputs["courses"].facts
    repeats = sum(int(number) for number in dataset["dropped_by_reason"].values())
    off, seconds = comparison.facts["largest_deviation"], courses["planned_seconds"]
    equal = "" if seconds is None else f", planned from this machine's measured speed to take {duration(seconds)}"
    equal += (
        ""
        if off is None
        else f". By the processor's clock the one furthest from their mean took {off:.1%} more or less"
    )
    return [
        f"{repeats:,} of {dataset['documents_in']:,} documents repeated others, word for word or nearly, and were "
        "dropped before anything was held out. Rows of one group were held out together.",
        f"{texts['own']:,} held-out documents ({as_size(texts['own_bytes'])}) are scored, the same bytes for every "
        f"arm; {own['overlapping']:,} more were left out because whole phrases of them stand in training text. Of the "
        f"runs of 13 words in what is scored, {own['mean_overlap_13']:.1%} stand in training text.",
        f"{texts['general']:,} general documents ({as_size(texts['general_bytes'])}) are scored likewise; "
        f"{general['overlapping']:,} were left out.",
        f"Every training has the same model size and {courses['compute']['steps']:,} steps of equal batches{equal}.",
        f"The generalist's text is {mix['own_share']:.0%} yours, by bytes.",
        f"All begin with the same learning rate, the planner's usual one ({courses['compute']['learning_rate']:g} at "
        f"width {courses['compute']['base_width']}); a model that goes on takes half of it, as `ingot continue` does. "
        "None was tuned for an arm.",
    ]


def _bits(figure: Mapping[str, float | None]) -> str:
    between = "" if figure["low"] is None else f" ({figure['low']:.3f} to {figure['high']:.3f})"
    return f"{figure['value']:.3f}{between}"


def _share(figure: Mapping[str, float | None]) -> str:
    between = "" if figure["low"] is None else f" ({figure['low']:.1%} to {figure['high']:.1%})"
    return f"{figure['value']:.1%}{between}"
