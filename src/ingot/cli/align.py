"""`ingot align`: a model that goes on with texts in; one that answers, as people prefer and programs check, out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ingot.cli.budgets import read_allowance, spending_options
from ingot.cli.options import read_options, shared
from ingot.cli.show.display import open_display
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.wire import command_line, home_at, home_words
from ingot.core.storage import write_atomically
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home, check_name
from ingot.flow.recipe_file import as_literals, write_recipe
from ingot.flow.runner import Options, run
from ingot.flow.step import Field, Step
from ingot.recipes.align import Choices, Examples
from ingot.recipes.align import align as steps_of
from ingot.recipes.continue_pretrain import import_model
from ingot.recipes.fine_tune import start_of
from ingot.train.config import ATTENTION_MATRICES, LAYER_MATRICES, AdapterConfig
from ingot.train.judging import open_reward

_A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FROM_0 = click.IntRange(min=0)
# The figures of a report, by how they are told.
_PREFERRED = {
    "accuracy": "better answer gained",
    "margin": "by so many nats",
    "likelier": "better answer likelier",
    "likelier_before": "... before",
}
_REWARDED = {"reward": "reward of its answers", "reward_before": "... before"}
_UNKNOWN = {"pairs": "it prefers", "prompts": "its answers are worth"}
_ABOVE_0 = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("base", metavar="MODEL")
@click.option("--name", required=True, help="What to call the result; the same name again makes its next version.")
@click.option("--conversations", type=_A_FILE, help="Conversations to learn answering from first: JSON Lines.")
@click.option("--validation", type=_A_FILE, help="Conversations that are only measured on.")
@click.option("--preferences", type=_A_FILE, help="Pairs of answers, the better one named: JSON Lines.")
@click.option("--prompts", type=_A_FILE, help="Prompts whose answers a program can check: JSON Lines.")
@click.option("--reward", default="", metavar="NAME|FILE", help="What checks answers (`ingot plugins reward`).")
@click.option("--reward-option", "reward_options", multiple=True, metavar="NAME=VALUE", help="Option of the reward.")
@click.option("--loss", type=click.Choice(["sigmoid", "ipo", "hinge"]), default="sigmoid", show_default=True)
@click.option("--beta", type=_ABOVE_0, default=0.1, show_default=True, help="The larger, the nearer to what it was.")
@click.option(
    "--offset",
    type=click.Choice(["none", "log", "linear"]),
    default="none",
    show_default=True,
    help="Ask for more where scores of the pairs differ more (ODPO).",
)
@click.option(
    "--rank", type=click.IntRange(0, 1024), default=0, help="Train adapters of this rank alone.  [default: all weights]"
)
@click.option("--epochs", type=_FROM_0, default=0, help="How often to read the conversations; 0 leaves it to the plan.")
@click.option(
    "--preference-epochs", type=_FROM_0, default=0, help="How often to read the pairs; 0 leaves it to the plan."
)
@click.option("--reward-epochs", type=_FROM_0, default=0, help="How often to ask the prompts; 0 leaves it to the plan.")
@click.option("--answers", type=_FROM_0, default=0, help="Answers to a prompt, to compare; 0 leaves it to the plan.")
@click.option("--answer-tokens", type=_FROM_0, default=0, help="Tokens of an answer; 0 leaves it to the plan.")
@click.option("--rate", type=_ABOVE_0, default=1.0, help="Multiply the learning rates of the plans by this.")
@click.option("--row-tokens", type=_FROM_0, default=0, help="Room for both of a pair.  [default: as the model reads]")
@click.option(
    "--held-out", type=click.FloatRange(0, 0.5), default=0.05, show_default=True, help="Share kept aside to measure on."
)
@click.option("--bad-rows", type=click.Choice(["leave_out", "refuse"]), default="leave_out", show_default=True)
@click.option("--seed", default=0, help="Another seed draws another order.")
@click.option("--cores", type=_FROM_0, default=0, help="Cores to use.  [default: all]")
@click.option("--dry-run", is_flag=True, help="Show the graph; spend nothing.")
@click.option(
    "--write-recipe", "recipe_path", type=click.Path(path_type=Path), help="Also write the graph as a recipe file."
)
@spending_options
@shared
def align(base: str, name: str, home_path: str, as_json: bool, debug: bool, **options: Any) -> None:
    """Teach MODEL to answer by --conversations, then which answers are better by --preferences, then what a program
    checks by --prompts with --reward.

    Each may be left out. MODEL is a model of the home, or a checkpoint taken in by `ingot import`; one that answers
    already needs no conversations. What is kept aside tells, while it trains and in the end, how often it prefers the
    better answer, and what its answers are worth.
    """
    home = home_at(home_path)
    steps, given = _steps(check_name(name), home.get(base), home, options)
    if options["recipe_path"]:
        write_atomically(options["recipe_path"], write_recipe(_by_themselves(steps, given)))
    if options["dry_run"]:
        _print_graph(steps, as_json)
        return
    allowance = read_allowance(options["stop_at"], options["prices"])
    settings = Options(cores=options["cores"], command=command_line(), allowance=allowance)
    with open_display(as_json, title=f"Aligning {base}") as display:
        outcome = run(steps, home, settings, [display.show], given)
    _print_result(outcome.artifacts, home_words(home_path), as_json)


def _steps(
    name: str, base: Artifact, home: Home, options: Mapping[str, Any]
) -> tuple[list[Step], Mapping[str, Artifact]]:
    files = ("preferences", "conversations", "validation", "prompts")
    examples = Examples(**{file: options[file] for file in files})
    choices = Choices(
        kind=options["loss"],
        beta=options["beta"],
        offset=options["offset"],
        conversation_epochs=options["epochs"],
        preference_epochs=options["preference_epochs"],
        rate_factor=options["rate"],
        row_tokens=options["row_tokens"],
        held_out_share=options["held_out"],
        bad_rows=options["bad_rows"],
        seed=options["seed"],
        adapters=_adapters(options["rank"], base, home),
        reward=options["reward"],
        reward_options=read_options(options["reward_options"], "--reward-option"),
        reward_epochs=options["reward_epochs"],
        answers=options["answers"],
        answer_tokens=options["answer_tokens"],
    )
    if choices.reward:
        open_reward(choices.reward, choices.reward_options)  # what is wrong with it is said here, by its own path
    return steps_of(name, base, home, examples, choices)


def _by_themselves(steps: Sequence[Step], given: Mapping[str, Artifact]) -> list[Step]:
    """Return the same graph for a file, which names no artifacts of a home: its start is a folder that is taken in."""
    kept: dict[Step, Step] = {}

    def moved(step: Step) -> Step:
        if step not in kept:
            inputs = {name: moved(parent) for name, parent in step.inputs.items()}
            fields = {name: Field(moved(origin.step), origin.fact) for name, origin in step.fields.items()}
            is_given = step.name in given
            kept[step] = (
                replace(import_model(f"{step.artifact}-start", given[step.name].path), name=step.name)
                if is_given
                else replace(step, inputs=inputs, fields=fields)
            )
        return kept[step]

    return [moved(step) for step in steps]


def _adapters(rank: int, base: Artifact, home: Home) -> AdapterConfig | None:
    if not rank:
        return None
    has_experts = bool(start_of(base, home).facts["model"].get("experts"))
    return AdapterConfig(rank, 2.0 * rank, ATTENTION_MATRICES if has_experts else LAYER_MATRICES)


def _print_graph(steps: Sequence[Step], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"kind": "dry-run", **as_literals(steps)}))
        return
    print_table(
        ("step", "makes", "from"),
        [(step.name, step.artifact, ", ".join(parent.name for parent in step.parents) or "-") for step in steps],
    )
    click.echo("\nNothing was run. Remove --dry-run to align it.")


def _print_result(artifacts: Mapping[str, Artifact], home: str, as_json: bool) -> None:
    model = artifacts["model"]
    if as_json:
        facts = {name: dict(made.facts) for name, made in artifacts.items()}
        print_json_lines([{"kind": "summary", "artifact": model.reference, "path": str(model.path), "facts": facts}])
        return
    rows = [("model", model.reference), *_learned_from(artifacts)]
    figures = artifacts["report"].facts["metrics"] if "report" in artifacts else {}
    for name, measure in (("pairs", _PREFERRED), ("prompts", _REWARDED)):
        if name in artifacts:
            rows += _figures(name, artifacts["report"].facts, figures, measure)
    if gain := artifacts["report"].facts.get("reward_gain") if "report" in artifacts else None:
        rows.append(("... chance differs as much", f"p = {gain['p_value']:.2g}"))
    print_table(("what", "is"), rows)
    click.echo(f"\ningot chat {model.name}{home}")


def _learned_from(artifacts: Mapping[str, Artifact]) -> list[tuple[str, str]]:
    """Return what each stage learned from, and what was left out."""
    rows: list[tuple[str, str]] = []
    named = {"shards": "conversations", "pairs": "pairs", "prompts": "prompts"}
    for name, noun in named.items():
        if name not in artifacts:
            continue
        facts = artifacts[name].facts
        rows.append((f"{noun} learned from", f"{facts.get('train_examples', facts.get('train_documents', 0)):,}"))
        if facts["failures"]:
            rows.append(("... lines left out", f"{facts['failures']:,}: {artifacts[name].path / 'failures.jsonl'}"))
    return rows


def _figures(
    noun: str, facts: Mapping[str, Any], figures: Mapping[str, Any], measure: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return the figures of a stage as rows; what was not measured is said."""
    if not facts[noun]:
        return [(f"{noun} kept aside", f"none: nobody has measured what {_UNKNOWN[noun]}")]
    told = [(text, figures[name]) for name, text in measure.items()]
    rows = [(text, f"{one['value']:.3f}{_interval(one)}") for text, one in told]
    return [(f"{noun} kept aside", f"{facts[noun]:,}"), *rows]


def _interval(figure: Mapping[str, Any]) -> str:
    return "" if figure["low"] is None else f" (95% {figure['low']:.3f} to {figure['high']:.3f})"
