"""What a manager reads when a build is done: what went in, what came out, how good it is, what it cost, what next."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from ingot.cli.show.words import as_duration, as_energy, as_number
from ingot.core.energy import sum_of
from ingot.core.storage import as_size
from ingot.flow.artifact import Artifact
from ingot.flow.runner import Outcome
from ingot.tokenizer.vocabulary import ROW_MULTIPLE

_WIDTH = 100
_SHOWN_REASONS = 6


def print_summary(outcome: Outcome, before: Sequence[Artifact], home: str, as_json: bool) -> None:
    """Print the summary of a finished build.

    `before` are the model's versions before it; `home` is what the next commands must say to find it ("" by default).
    """
    if as_json:
        print(json.dumps(summary_as_literals(outcome), ensure_ascii=False, default=str))
        return
    click.echo()
    for heading, lines in _sections(outcome, before, home):
        click.echo(click.style(heading, bold=True))
        for line in lines:
            click.echo(textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="    "))


def summary_as_literals(outcome: Outcome) -> dict[str, Any]:
    """Return the summary's numbers as JSON literals."""
    artifacts = outcome.artifacts
    return {
        "kind": "summary",
        "run": outcome.run.id,
        "model": artifacts["model"].reference,
        "path": str(artifacts["model"].path),
        "report": str(artifacts["report"].path / "report.html"),
        "reused": outcome.reused,
        "seconds": sum(artifact.record.seconds for artifact in artifacts.values()),
        "joules": sum_of(artifact.record.joules for artifact in artifacts.values()),
        "facts": {name: dict(artifact.facts) for name, artifact in artifacts.items()},
    }


def _sections(outcome: Outcome, before: Sequence[Artifact], home: str) -> Iterator[tuple[str, Iterator[str]]]:
    facts = {name: artifact.facts for name, artifact in outcome.artifacts.items()}
    yield _title(outcome, before), iter(())
    yield "What went in", _what_went_in(facts["documents"], facts["dataset"], facts["shards"])
    yield "What came out", _what_came_out(facts["checkpoint"], outcome.artifacts["plan"], facts["tokenizer"])
    yield "How good it is", _how_good(facts["report"])
    if "audit" in facts:
        yield "What it knows by heart", _by_heart(facts["audit"])
    yield "Three samples, continued by the model", _samples(facts["report"])
    yield "What it cost", _cost(outcome)
    yield "Next", _next(outcome, home)


def _title(outcome: Outcome, before: Sequence[Artifact]) -> str:
    model = outcome.artifacts["model"]
    if "model" in outcome.reused:
        return f"{model.reference} was made before from the same documents and settings: nothing had to be done."
    if before:
        others = ", ".join(version.reference for version in before)
        return f"{model.reference} is ready: a new version, made from other documents or settings than {others}."
    return f"{model.reference} is ready."


def _what_went_in(documents: Mapping[str, Any], dataset: Mapping[str, Any], shards: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{as_number(documents['files'])} files gave {as_number(documents['documents'])} documents, "
        f"{as_size(documents['bytes'])} of text; {as_number(documents['failed'])} could not be read"
    )
    yield from _reasons(documents["failures_by_reason"], "could not be read")
    dropped = dataset["dropped_by_reason"]
    yield f"{as_number(dataset['documents_kept'])} kept, {as_number(sum(dropped.values()))} dropped"
    yield from _reasons(dropped, "dropped")
    yield (
        f"trained on {as_number(dataset['train_documents'])} documents; {as_number(dataset['held_out_documents'])} "
        f"({as_size(dataset['held_out_bytes'])}) held out to measure the result"
    )
    if shards.get("train_fraction", 1.0) < 0.995:
        yield f"the budget reads {shards['train_fraction']:.0%} of the training text; more time reads more of it"


def _reasons(counts: Mapping[str, int], verb: str) -> Iterator[str]:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    for reason, count in ordered[:_SHOWN_REASONS]:
        yield f"- {as_number(count)} {verb}: {reason}"


def _what_came_out(checkpoint: Mapping[str, Any], plan: Artifact, tokenizer: Mapping[str, Any]) -> Iterator[str]:
    model, vocabulary = plan.facts["model"], tokenizer["vocabulary"]
    yield (
        f"a base model of {as_number(checkpoint['parameters'])} parameters ({model['layers']} layers, width "
        f"{model['width']}, vocabulary {vocabulary}), trained {as_number(checkpoint['steps'])} steps "
        f"on {as_number(checkpoint['tokens'])} tokens"
    )
    if "vocabulary" in plan.record.config and vocabulary != model["vocabulary"]:
        wanted = "asked for" if plan.record.config.get("vocabulary") else "planned"
        yield (
            f"its vocabulary is {vocabulary} and not the {model['vocabulary']} {wanted}: in this text no other pair of "
            f"neighbours occurs twice (sizes are rounded up to a multiple of {ROW_MULTIPLE}); more text fills more"
        )


def _how_good(report: Mapping[str, Any]) -> Iterator[str]:
    known = report["interval"]
    spread = f"95% between {known[0]:.3f} and {known[1]:.3f}" if known else "too few held-out documents for an interval"
    yield (
        f"{report['bits_per_byte']:.3f} bits per byte on held-out documents ({spread}): "
        "how surprised the model is by text it has not seen, lower is better"
    )
    yield f"{report['ngram_bits_per_byte']:.3f} n-gram model that counted the same training text"
    yield f"{report['zstd_bits_per_byte']:.3f} zstd -19 with the training text as dictionary"
    if "before_bits_per_byte" in report:
        yield f"{report['before_bits_per_byte']:.3f} {report['start']}, the model it went on from"
    if "old_bits_per_byte" in report:
        yield f"on old text {report['old_bits_per_byte']:.3f}, before {report['old_before_bits_per_byte']:.3f}"


def _by_heart(audit: Mapping[str, Any]) -> Iterator[str]:
    yield f"{audit['verdict']}: {audit['reasons'][0]}"


def _samples(report: Mapping[str, Any]) -> Iterator[str]:
    yield "A base model continues text. At this size it looks like your documents and does not know what it says."
    for sample in report["samples"]:
        yield f"{_one_line(sample['prompt'], 40, is_end=True)} -> {_one_line(sample['continuation'], 120)}"


def _one_line(text: str, limit: int, is_end: bool = False) -> str:
    line = text.replace("\n", "\\n").replace("\t", "\\t")
    if len(line) <= limit:
        return line
    return f"...{line[-limit:]}" if is_end else f"{line[:limit]}..."


def _cost(outcome: Outcome) -> Iterator[str]:
    records = [artifact.record for artifact in outcome.artifacts.values()]
    made = [record for name, record in zip(outcome.artifacts, records, strict=True) if name not in outcome.reused]
    methods = "/".join(sorted({record.energy_method for record in records}))
    now = sum(record.seconds for record in made)
    yield f"{as_duration(now)} and {as_energy(sum_of(record.joules for record in made), methods)} in this run"
    if len(made) < len(records):
        seconds, joules = sum(record.seconds for record in records), sum_of(record.joules for record in records)
        steps = f"the {len(outcome.reused)} steps made before"
        yield f"{as_duration(seconds)} and {as_energy(joules, methods)} with {steps}"


def _next(outcome: Outcome, home: str) -> Iterator[str]:
    model = outcome.artifacts["model"]
    yield f"report: {outcome.artifacts['report'].path / 'report.html'}"
    yield f"model:  {model.path}"
    yield f"ingot chat {model.name}{home}"
    yield f"ingot serve {model.name}{home}"
