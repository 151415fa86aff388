"""`ingot chat`: talk to a model in the terminal, its words printed as they come."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import TextIOWrapper

import click

from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.wire import home_at
from ingot.core.errors import IngotError, InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.infer.engine import Engine, open_engine
from ingot.infer.sampling import SamplingParams
from ingot.registry.files import FileStore

_COMMANDS = "/more continues the last answer, /temperature 0.5 changes how bold it is, /quit ends"


@click.command()
@click.argument("name")
@click.option("--prompt", help="Ask this one thing, print the answer and end.")
@click.option("--max-tokens", default=200, show_default=True, help="Length of an answer at most.")
@click.option("--temperature", default=0.7, show_default=True, help="0 (always the likeliest word) to 2 (bold).")
@click.option("--seed", type=click.IntRange(min=0), help="Give the same answer again.")
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
    params = _params(max_tokens, temperature, seed)
    if prompt is not None:
        _check_encoding(prompt)
    model = FileStore(home_at(home_path)).get(name)
    opened = open_engine(model.path, engine, warn=_note)
    try:
        if prompt is not None:
            _answer_once(model, Talk(opened, params), prompt, as_json)
        else:
            _converse(model, Talk(opened, params))
    finally:
        opened.close()


def _params(max_tokens: int, temperature: float, seed: int | None) -> SamplingParams:
    try:
        return SamplingParams(max_tokens=max_tokens, temperature=temperature, seed=seed)
    except InputError as error:
        option = f"--{error.where.replace('_', '-')}"
        raise UsageError(error.what, where=option, fix=f"give {option} such a value, or leave it out") from None


@dataclass
class Talk:
    """One conversation: who answers and how, and whether it was said that the context is full."""

    engine: Engine
    params: SamplingParams
    has_said_cut: bool = False

    def ids(self, text: str) -> Sequence[int]:
        """Return the ids of a text; of one too long for the context, its end, with room left for the answer."""
        engine = self.engine
        room = max(engine.context - 1 - self.params.max_tokens, engine.context // 2)
        ids = engine.codec.encode(text)
        if len(ids) > room and not self.has_said_cut:
            self.has_said_cut = True
            _note(
                f"the text has {len(ids)} tokens and the model takes {engine.context}, answer included: its first "
                f"{len(ids) - room} are left out. To keep them shorten the text, or ask for a smaller --max-tokens"
            )
        return [engine.codec.bos, *ids[-room:]]

    def stream(self, text: str, parts: list[str]) -> None:
        """Print the continuation as it comes, adding to `parts`: what is there stays when it is broken off."""
        started = time.monotonic()
        for token in self.engine.generate(self.ids(text), self.params):
            click.echo(token.text, nl=False)
            parts.append(token.text)
        seconds = max(time.monotonic() - started, 1e-9)
        click.echo("\n" + click.style(f"({len(parts)} tokens, {len(parts) / seconds:.0f} tokens/s)", dim=True))


def _note(text: str) -> None:
    click.echo(f"note: {text}", err=True)


def _answer_once(model: Artifact, talk: Talk, prompt: str, as_json: bool) -> None:
    if as_json:
        answer = "".join(token.text for token in talk.engine.generate(talk.ids(prompt), talk.params))
        print_json_lines([{"model": model.reference, "prompt": prompt, "answer": answer}])
        return
    click.echo(click.style(prompt, dim=True), nl=False)
    talk.stream(prompt, [])


def _converse(model: Artifact, talk: Talk) -> None:
    click.echo(f"{model.reference}, run by {talk.engine.name}. {_COMMANDS}.")
    if model.facts.get("kind") == "base":
        click.echo("It is a base model: it continues what you write, and does not answer questions yet.")
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # bytes that are not text are answered, not fatal
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
            talk.params = _with_temperature(talk.params, line)
        elif line.startswith("/") and line != "/more":
            click.echo(_COMMANDS)
        else:
            text = _try_stream(talk, text if line == "/more" else line) or text


def _try_stream(talk: Talk, text: str) -> str:
    """Answer, and return the text with its answer, or with as much of it as came; none when it cannot be answered."""
    parts: list[str] = []
    try:
        _check_encoding(text)
        talk.stream(text, parts)
    except KeyboardInterrupt:
        click.echo(" (stopped)")
    except IngotError as error:
        click.echo(str(error), err=True)
        return ""
    return text + "".join(parts)


def _check_encoding(text: str) -> None:
    """Raise UsageError when the bytes of a text that was typed or piped in are not UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) & 0xFF
        raise UsageError(
            f"the prompt is not valid UTF-8: byte 0x{byte:02x}",
            where=f"prompt, after {error.start} characters",
            why="the terminal, or the file it comes from, writes another encoding",
            fix="set the terminal to UTF-8, or convert the text: iconv -f ISO-8859-1 -t UTF-8 FILE",
        ) from None


def _with_temperature(params: SamplingParams, line: str) -> SamplingParams:
    try:
        return replace(params, temperature=float(line.split()[1]))
    except (IndexError, ValueError):
        click.echo("write it like: /temperature 0.5")
    except IngotError as error:
        click.echo(str(error), err=True)
    return params
