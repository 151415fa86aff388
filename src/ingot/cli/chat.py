"""`ingot chat`: talk to a model in the terminal, its words printed as they come."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace

import click

from ingot.cli.options import shared
from ingot.cli.wire import home_at
from ingot.core.errors import IngotError
from ingot.flow.artifact import Artifact
from ingot.infer.engine import Engine, open_engine
from ingot.infer.sampling import SamplingParams
from ingot.registry.files import FileStore

_COMMANDS = "/more continues the last answer, /temperature 0.5 changes how bold it is, /quit ends"


@click.command()
@click.argument("name")
@click.option("--prompt", help="Ask this one thing, print the answer and end.")
@click.option("--max-tokens", default=200, show_default=True, help="Length of an answer at most.")
@click.option("--temperature", default=0.7, show_default=True, help="0 always takes the likeliest word.")
@click.option("--seed", type=int, help="Give the same answer again.")
@click.option("--engine", default="auto", show_default=True, help="What runs the model: `ingot plugins engine`.")
@shared
def chat(
    name: str,
    prompt: str | None,
    max_tokens: int,
    temperature: float,
    seed: int | None,
    engine: str,
    home_path: str,
    as_json: bool,
    debug: bool,
) -> None:
    """Talk to the model NAME (or NAME@VERSION)."""
    model = FileStore(home_at(home_path)).get(name)
    params = SamplingParams(max_tokens=max_tokens, temperature=temperature, seed=seed)
    opened = open_engine(model.path, engine, warn=lambda text: click.echo(f"note: {text}", err=True))
    try:
        if prompt is not None:
            _answer_once(model, opened, prompt, params, as_json)
        else:
            _converse(model, opened, params)
    finally:
        opened.close()


def _answer_once(model: Artifact, engine: Engine, prompt: str, params: SamplingParams, as_json: bool) -> None:
    if as_json:
        answer = "".join(token.text for token in engine.generate(_ids(engine, prompt, params), params))
        click.echo(json.dumps({"model": model.reference, "prompt": prompt, "answer": answer}, ensure_ascii=False))
        return
    click.echo(click.style(prompt, dim=True), nl=False)
    _stream(engine, prompt, params)


def _converse(model: Artifact, engine: Engine, params: SamplingParams) -> None:
    click.echo(f"{model.reference}, run by {engine.name}. {_COMMANDS}.")
    if model.facts.get("kind") == "base":
        click.echo("It is a base model: it continues what you write, and does not answer questions yet.")
    text = ""
    while True:
        try:
            line = click.prompt(click.style("you", bold=True), prompt_suffix="> ").strip("\n")
        except click.Abort:
            click.echo()
            return
        if line in ("/quit", "/exit"):
            return
        if line.startswith("/temperature"):
            params = _with_temperature(params, line)
        elif line.startswith("/") and line != "/more":
            click.echo(_COMMANDS)
        else:
            text = text if line == "/more" else line
            text += _try_stream(engine, text, params)


def _try_stream(engine: Engine, text: str, params: SamplingParams) -> str:
    """Answer, and let a prompt that cannot be answered be said without ending the conversation."""
    try:
        return _stream(engine, text, params)
    except KeyboardInterrupt:
        click.echo(" (stopped)")
    except IngotError as error:
        click.echo(str(error), err=True)
    return ""


def _stream(engine: Engine, text: str, params: SamplingParams) -> str:
    """Print the continuation as it comes; return it."""
    started, parts = time.monotonic(), []
    for token in engine.generate(_ids(engine, text, params), params):
        click.echo(token.text, nl=False)
        parts.append(token.text)
    seconds = max(time.monotonic() - started, 1e-9)
    click.echo("\n" + click.style(f"({len(parts)} tokens, {len(parts) / seconds:.0f} tokens/s)", dim=True))
    return "".join(parts)


def _ids(engine: Engine, text: str, params: SamplingParams) -> Sequence[int]:
    """Return the ids of a text; of one too long for the context, its end, with room left for the answer."""
    room = max(engine.context - 1 - params.max_tokens, engine.context // 2)
    return [engine.codec.bos, *engine.codec.encode(text)[-room:]]


def _with_temperature(params: SamplingParams, line: str) -> SamplingParams:
    try:
        return replace(params, temperature=float(line.split()[1]))
    except (IndexError, ValueError):
        click.echo("write it like: /temperature 0.5")
    except IngotError as error:
        click.echo(str(error), err=True)
    return params
