"""`ingot evaluate`: ask a model a task, and print what it knows with how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ingot.cli.options import read_options, shared
from ingot.cli.show.display import open_display
from ingot.cli.show.evaluations import print_evaluation
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.wire import command_line, home_at
from ingot.core.errors import InputError, UsageError
from ingot.evaluate.config import AskConfig, FindConfig
from ingot.evaluate.task_file import TaskFile, checked, read_task_file
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home, check_name
from ingot.flow.lineage import ancestors
from ingot.flow.runner import Options, run
from ingot.flow.step import Step
from ingot.recipes.evaluate import Given, evaluation
from ingot.recipes.evaluate import task as task_step
from ingot.recipes.retrieve import evaluation as searching

_KINDS = ("Model", "Checkpoint")
_INDEX = "Index"
_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("model")
@click.argument("taskfile", required=False, type=_PATH)
@click.option("--task", "task_name", help="A task by its name: multiple_choice, glue, gsm8k (`ingot plugins task`).")
@click.option("--data", multiple=True, type=_PATH, help="File or folder with the questions; may be repeated.")
@click.option("--examples", multiple=True, type=_PATH, help="File with solved questions, to show some before each.")
@click.option("--dataset", help="Ask about what this dataset kept aside.  [default without --data: the model's own]")
@click.option("--option", "given", multiple=True, metavar="NAME=VALUE", help="Option of the task; may be repeated.")
@click.option("--shots", type=click.IntRange(min=0), help="Show so many examples before each question.")
@click.option("--limit", type=click.IntRange(min=1), help="Ask so many questions, always the same, as if drawn by lot.")
@click.option("--bad-rows", type=click.Choice(["refuse", "skip"]), help="What to do with bad rows.  [default: refuse]")
@click.option("--reader", metavar="MODEL", help="Of an index: let this model put the first passages in order again.")
@click.option("--name", help="What to call the task.  [default: the name of the file, or of the task]")
@click.option("--cores", type=click.IntRange(min=0), default=0, help="Cores to use.  [default: all]")
@shared
def evaluate(
    model: str, taskfile: Path | None, home_path: str, as_json: bool, debug: bool, cores: int, **options: Any
) -> None:
    """Ask MODEL the questions of TASKFILE, or of --task with --data.

    Every answer is kept, figures have their intervals, and questions that stand in what the model was trained on are
    counted apart. The result lies in the home as MODEL-TASK-evaluation; `ingot compare` holds two of them together.
    With an index for MODEL it is asked which documents answer a question (--task retrieval).
    """
    home = home_at(home_path)
    found = _found(home, model, (*_KINDS, _INDEX))
    asked = _asked(taskfile, options)
    datasets = [one for one in ancestors(home, found) if one.kind == "Dataset"]
    rows = _rows(asked, options["dataset"], datasets, home)
    step, given = task_step(check_name(asked.name), asked.config, asked.data, asked.examples, rows)
    asking, more = _asking(home, found, asked.name, step, datasets, options["reader"])
    with open_display(as_json, title=f"Asking {found.reference}: {asked.name}") as display:
        outcome = run([asking], home, Options(cores=cores, command=command_line()), [display.show], {**given, **more})
    made = outcome.artifacts[asking.name]
    if as_json:
        print_json_lines([{"kind": "summary", "artifact": made.reference, "folder": str(made.path), **made.facts}])
    else:
        print_evaluation(made, outcome.artifacts[step.name])


def _asking(
    home: Home, found: Artifact, name: str, task: Step, datasets: list[Artifact], reader: str | None
) -> tuple[Step, Given]:
    """Return the step that asks a model, or an index, and what it takes as it is."""
    if found.kind == _INDEX:
        read_by = _found(home, reader, _KINDS) if reader else None
        return searching(name, found, task, FindConfig(), read_by)
    if reader:
        raise UsageError(
            f"{found.reference} is a model, which reads by itself", where="--reader", fix="leave --reader out"
        )
    return evaluation(name, found, task, datasets, AskConfig())


def _found(home: Home, name: str, kinds: Sequence[str]) -> Artifact:
    model = home.get(name)
    if model.kind not in kinds:
        article = "an" if model.kind[0] in "AEIOU" else "a"
        raise InputError(
            f"{model.reference} is {article} {model.kind}, which answers nothing",
            where=str(model.path),
            fix="name a model (`ingot models`), or one taken in with `ingot import`",
        )
    return model


def _asked(taskfile: Path | None, options: Mapping[str, Any]) -> TaskFile:
    """Return what is to be asked: the file's, with what the command says instead."""
    if (taskfile is None) == (options["task_name"] is None):
        raise UsageError(
            "say what to ask, once", where="ingot evaluate", fix="give a TASKFILE, or --task (`ingot plugins task`)"
        )
    known = read_task_file(taskfile) if taskfile else None
    fields = {name: options[name] for name in ("shots", "limit", "bad_rows") if options[name] is not None}
    chosen = read_options(options["given"])
    if known is None:
        name = str(options["task_name"])
        config = checked({"task": name, "options": chosen, **fields}, "ingot evaluate")
        # GLUE is many tasks: each has figures of its own.
        part = f"-{chosen['name']}" if isinstance(chosen.get("name"), str) else ""
        known = TaskFile(f"{name}{part}".replace("_", "-"), config)
    else:
        config = known.config
        told = {key: getattr(config, key) for key in ("shots", "limit", "bad_rows", "ngram_words")} | fields
        config = checked({"task": config.task, "options": {**config.options, **chosen}, **told}, str(taskfile))
    data, examples = (options[key] or getattr(known, key) for key in ("data", "examples"))
    return TaskFile(options["name"] or known.name, config, tuple(data), tuple(examples))


def _rows(asked: TaskFile, dataset: str | None, datasets: list[Artifact], home: Home) -> list[Artifact]:
    """Return the datasets whose documents are asked about: one that is named, or, without files, the model's own."""
    if dataset:
        return [home.get(dataset)]
    if asked.data:
        return []
    if not datasets:
        raise UsageError(
            "there is nothing to ask", where="ingot evaluate", fix="name files with --data, or a dataset with --dataset"
        )
    return datasets[-1:]
