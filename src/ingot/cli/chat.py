"""`ingot chat`: talk to a model in the terminal, its words printed as they come."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import TextIOWrapper

import click

from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.wire import home_at
from ingot.core.errors import IngotError, InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.infer.engine import Engine, open_engine
from ingot.infer.sampling import SamplingParams
from ingot.infer.template import learned_another
from ingot.registry.files import FileStore
from ingot.tokenizer.chat import Message, render

_COMMANDS = (
    "/more continues the last answer, /new forgets what was said, /temperature 0.5 changes how bold it is, /quit ends"
)


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
            _answer_once(model, _talk(model, opened, params), prompt, as_json)
        else:
            _converse(model, _talk(model, opened, params))
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
    """One conversation: who answers and how, and whether it was said that the context is full.

    A model that was taught to answer reads what was said in turns (`turns`), as it was taught; any other goes on with
    the text as it is.
    """

    engine: Engine
    params: SamplingParams
    is_in_turns: bool = False
    turns: list[Message] = field(default_factory=list)
    has_said_cut: bool = False

    @property
    def _room(self) -> int:
        return max(self.engine.context - 1 - self.params.max_tokens, self.engine.context // 2)

    def ids(self, text: str) -> Sequence[int]:
        """Return the ids of a text; of one too long for the context, its end, with room left for the answer."""
        ids = self.engine.codec.encode(text)
        self._say_cut(len(ids))
        return [self.engine.codec.bos, *ids[-self._room :]]

    def ids_in_turns(self, said: str = "") -> Sequence[int]:
        """Return the ids of the turns, up to where the assistant speaks or has `said` something already.

        Where they are too long the oldest are left out, and of a single one all but its end.
        """
        codec, turns = self.engine.codec, self.turns

        def rendered() -> list[int]:
            ids = render(turns, codec, add_generation_prompt=True).ids
            return [*ids, *codec.encode(said)] if said else ids

        ids = rendered()
        self._say_cut(len(ids))
        # What is left begins with a question: an answer without one is what the model never read.
        while len(turns) > 1 and (len(ids) > self._room + 1 or turns[0]["role"] == "assistant"):
            turns = turns[1:]
            ids = rendered()
        return ids if len(ids) <= self._room + 1 else [codec.bos, *ids[-self._room :]]

    def stream(self, prompt: Sequence[int], parts: list[str]) -> None:
        """Print the continuation as it comes, adding to `parts`: what is there stays when it is broken off."""
        started = time.monotonic()
        for token in self.engine.generate(prompt, self.params):
            click.echo(token.text, nl=False)
            parts.append(token.text)
        seconds = max(time.monotonic() - started, 1e-9)
        click.echo("\n" + click.style(f"({len(parts)} tokens, {len(parts) / seconds:.0f} tokens/s)", dim=True))

    def _say_cut(self, tokens: int) -> None:
        if tokens > self._room + 1 and not self.has_said_cut:
            self.has_said_cut = True
            _note(
                f"the text has {tokens} tokens and the model takes {self.engine.context}, answer included: its first "
                f"{tokens - self._room} are left out. To keep them shorten the text, or ask for a smaller --max-tokens"
            )


def _talk(model: Artifact, engine: Engine, params: SamplingParams) -> Talk:
    """Return a conversation in turns with a model that was taught to answer, one of plain text with any other."""
    if learned_another(model.facts):
        _note("another version of Ingot framed the conversations it learned from: it may answer less well than it can")
    return Talk(engine, params, is_in_turns=model.facts.get("kind") == "chat")


def _note(text: str) -> None:
    click.echo(f"note: {text}", err=True)


def _answer_once(model: Artifact, talk: Talk, prompt: str, as_json: bool) -> None:
    if talk.is_in_turns:
        talk.turns = [{"role": "user", "content": prompt}]
    ids = talk.ids_in_turns() if talk.is_in_turns else talk.ids(prompt)
    if as_json:
        answer = "".join(token.text for token in talk.engine.generate(ids, talk.params))
        print_json_lines([{"model": model.reference, "prompt": prompt, "answer": answer}])
        return
    click.echo(click.style(prompt, dim=True), nl=talk.is_in_turns)
    talk.stream(ids, [])


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
        elif line == "/new":
            text, talk.turns = "", []
        elif line.startswith("/") and line != "/more":
            click.echo(_COMMANDS)
        elif talk.is_in_turns:
            _try_turn(talk, None if line == "/more" else line)
        else:
            text = _try_stream(talk, text if line == "/more" else line) or text


def _try_stream(talk: Talk, text: str) -> str:
    """Answer, and return the text with its answer, or with as much of it as came; none when it cannot be answered."""
    parts: list[str] = []
    try:
        _check_encoding(text)
        talk.stream(talk.ids(text), parts)
    except KeyboardInterrupt:
        click.echo(" (stopped)")
    except IngotError as error:
        click.echo(str(error), err=True)
        return ""
    return text + "".join(parts)


def _try_turn(talk: Talk, text: str | None) -> None:
    """Answer what a person said, or go on with the last answer; keep what came. Nothing is kept that has no answer."""
    before, parts = list(talk.turns), list[str]()
    said = ""
    if text is None and before and before[-1]["role"] == "assistant":
        said = str(talk.turns.pop()["content"])
    elif text is not None:
        talk.turns.append({"role": "user", "content": text})
    else:
        click.echo("there is no answer yet to go on with")
        return
    try:
        _check_encoding(text or "")
        talk.stream(talk.ids_in_turns(said), parts)
    except KeyboardInterrupt:
        click.echo(" (stopped)")
    except IngotError as error:
        click.echo(str(error), err=True)
        talk.turns = before
        return
    talk.turns.append({"role": "assistant", "content": said + "".join(parts)})


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
