"""`ingot evidence`: one's own documents in, one page out that says what a model of one's own is worth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ingot.cli.options import shared
from ingot.cli.paths import read_once
from ingot.cli.show.display import open_display
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.show.words import as_duration
from ingot.cli.wire import command_line, home_at
from ingot.core.errors import UsageError, suggest
from ingot.core.storage import write_atomically
from ingot.data.connectors import folder
from ingot.evaluate.evidence.config import GatherConfig
from ingot.flow.artifact import Artifact
from ingot.flow.home import check_name
from ingot.flow.recipe_file import as_literals, write_recipe
from ingot.flow.runner import Options, run
from ingot.flow.step import Step
from ingot.recipes.evidence import ARMS, OWN, SHORT, Choices, Given
from ingot.recipes.evidence import evidence as steps_of

ALL = "all"
_FROM_0 = click.IntRange(min=0)


@click.command()
@click.argument("documents", nargs=-1, metavar="[PATH]...")
@click.option("--name", required=True, help="What to call the evidence; the same name again makes its next version.")
@click.option("--general", multiple=True, required=True, metavar="PATH", help="General text; may be repeated.")
@click.option(
    "--questions", multiple=True, metavar="FILE", help="Rows with a question and its answer; may be repeated."
)
@click.option("--question", default="question", show_default=True, help="Their column with the question.")
@click.option("--answer", default="answer", show_default=True, help="Their column with the answer.")
@click.option("--group", default="", help="Their column that says what a row is about; held out as a whole.")
@click.option("--label", default="", help="Their column that says what kind of question it is.")
@click.option("--bad-rows", type=click.Choice(["refuse", "skip"]), default="refuse", show_default=True)
@click.option("--arms", default=",".join(SHORT), show_default=True, help=f"{ALL}, or some of {', '.join(ARMS)}.")
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Train each so many times.")
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True, help="Of one core."
)
@click.option("--steps", type=_FROM_0, default=0, help="Steps of every training, instead of a time.")
@click.option("--at-equal-bytes", is_flag=True, help="Train some again, so that each sees as many bytes of text.")
@click.option("--share", type=click.FloatRange(0.01, 0.9), default=0.2, show_default=True, help="Own text in the mix.")
@click.option("--held-out", type=click.FloatRange(0.01, 0.5), default=0.1, show_default=True, help="Text kept aside.")
@click.option("--vocabulary", type=_FROM_0, default=0, help="Tokens of every vocabulary.  [default: the plan chooses]")
@click.option("--width", type=_FROM_0, default=0, help="Width of every model.  [default: the plan chooses]")
@click.option("--layers", type=_FROM_0, default=0, help="Layers of every model.  [default: the plan chooses]")
@click.option("--exclude", multiple=True, metavar="NAME", help="File or folder name to leave out; may be repeated.")
@click.option("--cores", type=_FROM_0, default=0, help="Cores to use.  [default: all]")
@click.option("--on", "executor", default="local", show_default=True, help="Where: local, ray, slurm or kubernetes.")
@click.option("--dry-run", is_flag=True, help="Show the graph; spend nothing.")
@click.option("--write-recipe", "recipe_path", type=click.Path(path_type=Path), help="Also write it as a recipe file.")
@shared
def evidence(documents: tuple[str, ...], name: str, home_path: str, as_json: bool, debug: bool, **options: Any) -> None:
    """Say what a model of your own documents is worth, beside every other way to have one.

    Your text is what lies under PATH... and the rows of --questions. Each arm is trained with the same compute and
    measured on the same text that none has read: own (your text, own vocabulary), borrowed (your text, general
    vocabulary), general (--general alone), continued (that, and then your text), mixed (general text with a share of
    yours), retrieval (general, shown what search finds in your text). The page says which is best, by how much, how
    sure that is, and where your own model loses.
    """
    home = home_at(home_path)
    choices = _choices(options)
    steps = steps_of(check_name(name), _given(documents, options), choices)
    for step in steps:
        check_name(step.artifact)
    if options["recipe_path"]:
        write_atomically(options["recipe_path"], write_recipe(steps))
    if options["dry_run"]:
        _print_graph(steps, choices, as_json)
        return
    settings = Options(options["executor"], options["cores"], command=command_line())
    with open_display(as_json, title=f"Gathering evidence for {name}") as display:
        outcome = run(steps, home, settings, [display.show])
    _print_result(outcome.artifacts["evidence"], as_json)


def _given(documents: Sequence[str], options: dict[str, Any]) -> Given:
    if not documents and not options["questions"]:
        fix = "name a folder of documents, or rows with --questions, or both"
        raise UsageError("there is nothing of your own to learn from", where="ingot evidence", fix=fix)
    left_out = (*folder.Config(()).exclude, *options["exclude"])
    own, general = (read_once(given, left_out)[0] if given else () for given in (documents, options["general"]))
    return Given(own, options["questions"], general)


def _choices(options: dict[str, Any]) -> Choices:
    rows = {key: options[key] for key in ("question", "answer", "group", "label", "bad_rows")}
    return Choices(
        seconds=60 * options["minutes"],
        arms=_arms(options["arms"]),
        own_share=options["share"],
        exclude=tuple(options["exclude"]),
        gather=GatherConfig(**rows),
        **{key: options[key] for key in ("steps", "seeds", "at_equal_bytes", "held_out")},
        **{key: options[key] for key in ("vocabulary", "width", "layers")},
    )


def _arms(text: str) -> tuple[str, ...]:
    if text.strip() == ALL:
        return ARMS
    named = [each.strip() for each in text.split(",") if each.strip()]
    for each in named:
        if each not in ARMS:
            raise UsageError(f"there is no arm {each!r}", where="--arms", fix=suggest(each, (*ARMS, ALL)))
    return tuple(arm for arm in ARMS if arm in {*named, OWN})


def _print_graph(steps: Sequence[Step], choices: Choices, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"kind": "dry-run", **as_literals(steps)}))
        return
    rows = [(step.name, step.artifact, ", ".join(each.name for each in step.parents) or "-") for step in steps]
    print_table(("step", "makes", "from"), rows)
    each = f"{choices.steps:,} steps" if choices.steps else f"{as_duration(choices.seconds_of_one)} of one core"
    click.echo(f"\n{choices.trainings} trainings of {each} each. Nothing was run. Remove --dry-run to run it.")


def _print_result(made: Artifact, as_json: bool) -> None:
    if as_json:
        print_json_lines([{"kind": "summary", "artifact": made.reference, "folder": str(made.path), **made.facts}])
        return
    rows = [
        (each["name"], _figure(each["own"]), _figure(each["general"]), _figure(each.get("labels")))
        for each in made.facts["arms"]
    ]
    print_table(("arm", "bits per byte, your text", "bits per byte, general text", "labels told"), rows)
    click.echo("")
    for sentence in made.facts["answer"]:
        click.echo(sentence)
    click.echo(f"the page: {made.path / 'evidence.html'}")


def _figure(figure: dict[str, Any] | None) -> str:
    if not figure:
        return "-"
    between = "" if figure.get("low") is None else f" ({figure['low']:.3f} to {figure['high']:.3f})"
    return f"{figure['value']:.3f}{between}"
