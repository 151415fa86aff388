"""report.html: one page that a manager can read and an auditor can keep, with nothing loaded from anywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingot import __version__
from ingot.core import charts, pages
from ingot.core.energy import sum_of
from ingot.core.hardware import Machine
from ingot.core.storage import as_size
from ingot.evaluate import story
from ingot.evaluate.continued import Continued
from ingot.evaluate.during import FIGURE
from ingot.evaluate.samples import Sample
from ingot.evaluate.story import Scores
from ingot.flow.artifact import Artifact
from ingot.plan.explain import count, duration

TEMPLATE = Path(__file__).with_name("report.html.jinja")
_POINTS = 300
_RAW_POINTS = 600


@dataclass(frozen=True)
class Report:
    """What the page is made of."""

    inputs: Mapping[str, Artifact]
    scores: Scores
    samples: Sequence[Sample]
    machine: Machine
    continued: Continued | None = None


def render(report: Report) -> str:
    """Return the page as HTML."""
    parts = (_head, _went_in, _learned, _cost, _plan, _forecast)
    return pages.render(TEMPLATE, {name: value for part in parts for name, value in part(report).items()})


def _head(report: Report) -> dict[str, Any]:
    checkpoint, scores = report.inputs["checkpoint"], report.scores
    name = story.model_name(checkpoint)
    model = report.inputs["plan"].facts["model"]
    held_out_bytes = int(report.inputs["dataset"].facts["held_out_bytes"])
    return {
        "name": name,
        "version": __version__,
        "machine": f"{report.machine.processor}, {report.machine.cores} cores",
        "parameters": count(checkpoint.facts["parameters"]),
        "layers": model["layers"],
        "width": model["width"],
        "scores": scores,
        "quality": [*story.quality(scores, name), *story.beside_start(scores, report.continued)],
        "start": report.continued.start if report.continued else None,
        "scored_size": as_size(scores.bytes),
        "held_out_size": as_size(held_out_bytes),
        "is_capped": scores.bytes < held_out_bytes,
        "dictionary_size": as_size(scores.dictionary_bytes),
        "counted_size": as_size(scores.counted_bytes),
        "comparison": _comparison(scores, name),
        "samples": report.samples,
        "by_heart": story.by_heart(report.inputs.get("audit")),
        "abilities": story.abilities(scores.model.value, checkpoint.facts["parameters"]),
    }


def _comparison(scores: Scores, name: str) -> str:
    own = charts.Bar(name, scores.model.value, scores.model.low, scores.model.high, is_own=True)
    others = [charts.Bar("zstd -19 with the training text", scores.zstd), charts.Bar(scores.ngram_name, scores.ngram)]
    return charts.bars([own, *sorted(others, key=lambda bar: bar.value)], "bits per byte")


def _went_in(report: Report) -> dict[str, Any]:
    documents, dataset = report.inputs["documents"].facts, report.inputs["dataset"].facts
    kept, failed = int(dataset["documents_kept"]), int(documents["failed"])
    stages = [
        ("Files found", documents["files"], "", documents["files"]),
        ("Documents read", documents["documents"], as_size(documents["bytes"]), documents["documents"]),
        ("Kept after cleaning", kept, "", kept),
        ("For training", dataset["train_documents"], as_size(dataset["train_bytes"]), dataset["train_documents"]),
    ]
    most = max(int(size) for *_, size in stages) or 1
    return {
        "kept_documents": kept,
        "text_size": as_size(dataset["train_bytes"] + dataset["held_out_bytes"]),
        "funnel": [_stage(name, int(number), size, int(width) / most) for name, number, size, width in stages],
        "funnel_sentence": _funnel_sentence(documents, dataset),
        "drops": story.drops(report.inputs["dataset"]),
        "flags": story.flags(report.inputs["dataset"]),
        "failures": story.failures(report.inputs["documents"]),
        "failed": failed,
        "dataset_reference": report.inputs["dataset"].reference,
        "documents_reference": report.inputs["documents"].reference,
    }


def _stage(name: str, number: int, size: str, share: float) -> dict[str, Any]:
    return {"name": name, "count": f"{number:,}" + (f", {size}" if size else ""), "share": round(100 * share, 1)}


def _funnel_sentence(documents: Mapping[str, Any], dataset: Mapping[str, Any]) -> str:
    dropped = int(dataset["documents_in"]) - int(dataset["documents_kept"])
    failed = int(documents["failed"])
    read = "Every file could be read" if not failed else f"{_number(failed, 'file')} could not be read"
    left = "no document was dropped" if not dropped else f"{_number(dropped, 'document')} {_were(dropped)} dropped"
    held = int(dataset["held_out_documents"])
    kept_back = f"{_number(held, 'document')} ({as_size(dataset['held_out_bytes'])}) {_were(held)} held out"
    return f"{read}, {left}, and {kept_back}: never trained on, kept to measure the model."


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("s" if number != 1 else "")


def _were(number: int) -> str:
    return "were" if number != 1 else "was"


def _learned(report: Report) -> dict[str, Any]:
    checkpoint, plan = report.inputs["checkpoint"], report.inputs["plan"].facts
    loss, held_out = story.curve(checkpoint, "loss"), story.curve(checkpoint, "held_out_bits_per_byte")
    window = max(len(loss) // 20, 1)
    smooth = charts.Line(
        "Loss", charts.thinned(charts.smoothed(loss, window), _POINTS), charts.thinned(loss, _RAW_POINTS)
    )
    checked = charts.Line("Held-out text", charts.thinned(held_out, _POINTS))
    facts = checkpoint.facts
    each = [charts.Line(name, charts.thinned(points, _POINTS)) for name, points in story.curves_by_dataset(checkpoint)]
    return {
        "smoothing": window,
        "loss_chart": charts.line_chart(smooth, "tokens", "nats per token"),
        "held_out_chart": "" if each else charts.line_chart(checked, "tokens", "bits per byte"),
        "dataset_charts": [(line.name, charts.line_chart(line, "tokens", "bits per byte")) for line in each],
        "training_sentence": (
            f"{_number(int(facts['steps']), 'step')} over {count(facts['tokens'])} tokens, the text read "
            f"{_readings(float(plan['readings']))}, at {count(facts['tokens_per_second'])} tokens per second."
        ),
    }


def _readings(readings: float) -> str:
    if readings < 0.995:
        return f"in part ({readings:.0%} of it)"
    return "once" if readings < 1.05 else f"{readings:.3g} times"


def _cost(report: Report) -> dict[str, Any]:
    steps = story.costs(report.inputs)
    training = report.inputs["checkpoint"].record.seconds
    seconds = sum(step.seconds for step in steps)
    rows = [{**asdict(step), "time": duration(step.seconds), "energy": watt_hours(step.watt_hours)} for step in steps]
    return {
        "steps": rows,
        "total_time": duration(seconds),
        "training_time": duration(training),
        "total_energy": watt_hours(sum_of(step.watt_hours for step in steps)),
        "method": story.total_method(steps),
        # Twice the time, rounded up to minutes, is a next step that can be felt.
        "longer": f"{max(math.ceil(2 * seconds / 60), 10)}m",
        "wants_text": float(report.inputs["plan"].facts["readings"]) >= 1,
    }


def _forecast(report: Report) -> dict[str, Any]:
    """What pilots said the training would come to, and what it came to; nothing where there were none."""
    if "forecast" not in report.inputs:
        return {"forecast": None}
    told, found = report.inputs["forecast"].facts, story.curve(report.inputs["checkpoint"], FIGURE)
    band = [(float(one["tokens"]), float(one["low"]), float(one["high"])) for one in told["course"]]
    line = charts.Line("Held-out text", charts.thinned(found, _POINTS), band=band)
    return {
        "forecast": {
            "sentences": told["sentences"],
            "came": story.as_foretold(told, found[-1][1] if found else None),
            "chart": charts.line_chart(line, "tokens", "bits per byte"),
        }
    }


def watt_hours(amount: float | None) -> str:
    """Return energy for people.

    >>> watt_hours(0.0123), watt_hours(4.256), watt_hours(12_345)
    ('0.0123 Wh', '4.26 Wh', '12.3 kWh')
    """
    if amount is None:
        return "not measured"
    if amount < 0.001:
        return "under 0.001 Wh"
    return f"{amount / 1000:.3g} kWh" if amount >= 1000 else f"{amount:.3g} Wh"


def _plan(report: Report) -> dict[str, Any]:
    plan, checkpoint = report.inputs["plan"].facts, report.inputs["checkpoint"]
    made = checkpoint.facts
    foretold = [_foretold(plan, report.scores.model.value)] if "forecast_band" in plan else []
    return {
        "plan_sentences": plan["sentences"],
        "planned": [
            ("Parameters", count(plan["parameters"]), count(made["parameters"])),
            ("Vocabulary", f"{plan['vocabulary']:,}", f"{report.inputs['tokenizer'].facts['vocabulary']:,}"),
            ("Training steps", f"{plan['steps']:,}", f"{made['steps']:,}"),
            ("Tokens", count(plan["tokens"]), count(made["tokens"])),
            ("Tokens per second", count(plan["tokens_per_second"]), count(made["tokens_per_second"])),
            ("Training time", duration(plan["training_seconds"]), duration(checkpoint.record.seconds)),
            *foretold,
        ],
    }


def _foretold(plan: Mapping[str, Any], found: float) -> tuple[str, str, str]:
    low, high = plan["forecast_band"]
    return "Bits per byte", f"{plan['forecast_bits_per_byte']:.2f} ({low:.2f} to {high:.2f})", f"{found:.2f}"
