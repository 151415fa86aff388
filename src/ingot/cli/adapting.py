"""`ingot adapt`: a model of a few megabytes over the weights of another one, taught by conversations."""

from __future__ import annotations

from pathlib import Path

import click

from ingot.cli.options import shared
from ingot.cli.show.display import open_display
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.wire import command_line, home_at
from ingot.core.storage import as_size, folder_bytes
from ingot.data.conversations import BadRows
from ingot.flow.home import check_name
from ingot.flow.runner import Options, run
from ingot.recipes.fine_tune import Choices, fine_tune, start_of
from ingot.registry.files import FileStore
from ingot.train.config import ATTENTION_MATRICES, LAYER_MATRICES, AdapterConfig

_A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("base", metavar="MODEL")
@click.argument("conversations", type=_A_FILE)
@click.option("--name", required=True, help="What to call it; the same name again makes its next version.")
@click.option("--validation", type=_A_FILE, help="Conversations that are only measured on.")
@click.option("--rank", type=click.IntRange(1, 1024), default=16, show_default=True, help="How much it can hold.")
@click.option("--dora", is_flag=True, help="Learn the length of each row apart from its direction (DoRA).")
@click.option("--epochs", type=click.IntRange(min=0), default=0, help="How often to read all; 0 leaves it to the plan.")
@click.option("--bad-rows", type=click.Choice(["leave_out", "refuse"]), default="leave_out", show_default=True)
@shared
def adapt(
    base: str,
    conversations: Path,
    name: str,
    validation: Path | None,
    rank: int,
    dora: bool,
    epochs: int,
    bad_rows: BadRows,
    home_path: str,
    as_json: bool,
    debug: bool,
) -> None:
    """Teach MODEL by CONVERSATIONS, and keep what it learned apart (LoRA): the weights of MODEL stay as they are.

    CONVERSATIONS is a file of JSON Lines with `messages`. Any number of such models are served over the weights of
    MODEL, which are in memory once: `ingot serve NAME OTHER`.
    """
    check_name(name)
    home = home_at(home_path)
    below = FileStore(home).get(base)
    has_experts = bool(start_of(below, home).facts["model"].get("experts"))
    targets = ATTENTION_MATRICES if has_experts else LAYER_MATRICES
    choices = Choices(epochs=epochs, adapters=AdapterConfig(rank, 2.0 * rank, targets, dora), bad_rows=bad_rows)
    steps, given = fine_tune(name, below, home, conversations, validation, choices)
    with open_display(as_json, title=f"Teaching {base}") as display:
        outcome = run(steps, home, Options(command=command_line()), [display.show], given)
    made = outcome.artifacts[steps[-1].name]
    if as_json:
        print_json_lines([{"kind": "summary", "artifact": made.reference, **made.facts}])
    else:
        rows = [
            ("artifact", made.reference),
            ("over", str(made.facts["base"])),
            ("size", as_size(folder_bytes(made.path))),
        ]
        print_table(("what", "is"), rows)
