"""How an evaluation and a comparison look as text: figures with their intervals, and what to make of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from ingot.cli.show.tables import print_table
from ingot.evaluate.comparing import TOLD_DIFFERENCE, TOLD_POWER, read_changed
from ingot.evaluate.results import LEANING, METRICS_FILE, RESULTS_FILE, absent_documents, cut_prompts
from ingot.flow.artifact import Artifact

_SHOWN_GROUPS, _SHOWN_ITEMS, _SHOWN_CHARACTERS = 30, 10, 40


def print_evaluation(made: Artifact, task: Artifact) -> None:
    """Print what a model answered."""
    facts = made.facts
    print_table(("metric", "value", "95% interval", "items"), [_row(*each) for each in facts["metrics"].items()])
    groups = json.loads((made.path / METRICS_FILE).read_text(encoding="utf-8"))["groups"]
    if groups:
        click.echo("")
        # A leaning has to be read beside what is right.
        rows = [
            (group, *_row(name, figure))
            for group, figures in groups.items()
            for place, (name, figure) in enumerate(figures.items())
            if place == 0 or name.startswith(LEANING)
        ]
        print_table(("group", "metric", "value", "95% interval", "items"), rows[:_SHOWN_GROUPS])
        if len(rows) > _SHOWN_GROUPS:
            click.echo(f"and {len(rows) - _SHOWN_GROUPS} more rows in {METRICS_FILE}")
    click.echo("")
    for sentence in _sentences(facts, task):
        click.echo(sentence)
    click.echo(f"every answer: {made.path / RESULTS_FILE}")


def print_comparison(made: Artifact) -> None:
    """Print how two evaluations differ, and some of the items that changed."""
    facts, inputs = made.facts, made.record.inputs
    click.echo(f"{inputs['first']} and {inputs['second']}: {facts['items']} items in common\n")
    rows = [
        (
            each["metric"],
            f"{each['first']:.4f}",
            f"{each['second']:.4f}",
            f"{each['difference']:+.4f} [{each['low']:+.4f}, {each['high']:+.4f}]",
            f"{each['p_value']:.3g}",
            each["verdict"],
        )
        for each in facts["metrics"]
    ]
    print_table(("metric", "first", "second", "difference, 95% interval", "p", "the second is"), rows)
    click.echo("")
    for name in ("first", "second"):
        if facts[f"only_in_{name}"]:
            click.echo(f"{facts[f'only_in_{name}']} items were asked of the {name} alone, and are not compared")
    if short := [each for each in facts["metrics"] if each["verdict"] == "too few items to tell"]:
        most = max(each["items_needed"] for each in short)
        points = f"{100 * TOLD_DIFFERENCE:.0f} points"
        click.echo(f"A difference of {points} would show in {TOLD_POWER:.0%} of cases with {most} items.")
    _print_changed(made)


def _print_changed(made: Artifact) -> None:
    changed = read_changed(made.path)
    if not changed:
        click.echo("No answer changed.")
        return
    rows = [
        (each["id"], *(_short(each[name]) for name in ("right", "first", "second"))) for each in changed[:_SHOWN_ITEMS]
    ]
    click.echo(f"{len(changed)} items changed:")
    print_table(("item", "right", "first", "second"), rows)
    click.echo(f"all of them: {made.path / 'items.jsonl'}")


def _row(name: str, figure: Mapping[str, Any]) -> Sequence[str]:
    ends = "-" if figure["low"] is None else f"{figure['low']:.4f} to {figure['high']:.4f}"
    return name, f"{figure['value']:.4f}", ends, str(figure["items"])


def _sentences(facts: Mapping[str, Any], task: Artifact) -> list[str]:
    told = []
    if task.facts["faults"]:
        rows = "1 row was" if task.facts["faults"] == 1 else f"{task.facts['faults']} rows were"
        told.append(f"{rows} left out, each named in {task.path / 'faults.jsonl'}.")
    if facts["cut"]:
        told.append(f"{cut_prompts(facts['cut'])}.")
    if facts.get("calibration"):
        told.append(_calibration(facts["calibration"]))
    if facts.get("missing"):
        told.append(f"{absent_documents(facts['missing'])}.")
    # What an index found was never learned.
    return [*told, _contamination(facts["contamination"])] if "contamination" in facts else told


def _calibration(found: Mapping[str, Any]) -> str:
    """Say whether a model knows what it knows, and how much it could answer if it answered the surest alone."""
    gap = found["expected_calibration_error"]
    told = (
        f"Confidence: {found['confidence']:.0%} sure on average, right in {found['accuracy']:.0%}; the two differ by "
        f"{gap:.4f} over bins of {found['bin_width']:.0%}."
    )
    risk, share = "0.05", found["coverage_at_risk"]["0.05"]
    if not share:
        return f"{told} Not even its surest answers are wrong in at most {float(risk):.0%} of cases."
    return f"{told} Answering the surest {share:.0%} alone, it would be wrong in at most {float(risk):.0%} of them."


def _contamination(found: Mapping[str, Any]) -> str:
    if not found["is_known"]:
        return "Contamination: not known, because what this model was trained on is not in this home."
    if not found["checked"]:
        return "Contamination: not known, because the questions are too short to be told again."
    told = (
        f"Contamination: {found['seen']} of {found['checked']} items stand in the {found['documents']} documents that "
        f"the model was trained on, by n-grams of {found['words']} words; {found['touched']} share some."
    )
    if found["unseen_metrics"]:
        name, figure = next(iter(found["unseen_metrics"].items()))
        told += f" Without them {name} is {figure['value']:.4f}."
    return told


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."
