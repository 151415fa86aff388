"""A conversation in the terminal: what is cut, broken off or unreadable is said, and the rest goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingot.cli.chat import Talk, _converse
from ingot.cli.main import cli
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.infer.engine import Stop
from ingot.infer.engines.torch import Config, Engine
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token
from ingot.tokenizer.chat import render
from tests.infer.tiny_model import CONTEXT, make_model
from tests.registry.made import add

LONG = "def visit(self, node): return node; " * 40


class Stopped(Engine):
    """The reference engine; Ctrl-C comes after three tokens of the first answer. Keeps the prompts it was given."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Config())
        self.prompts: list[str] = []
        self.said = ""

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        self.prompts.append(self.codec.decode(prompt))
        for number, token in enumerate(super().generate(prompt, params, stop)):
            if number == 3 and len(self.prompts) == 1:
                raise KeyboardInterrupt
            self.said += token.text if len(self.prompts) == 1 else ""
            yield token


@pytest.fixture
def model(ingot_home: Path, tmp_path: Path) -> Artifact:
    files = {path.name: path for path in make_model(tmp_path / "tiny").iterdir()}
    return add(Home(ingot_home), "acme", files=files, facts={"kind": "base", "engine": "torch"})


def chat(*arguments: str, spoken: str = "") -> tuple[str, str]:
    """Run `ingot chat acme`; return what it printed and what it noted."""
    done = CliRunner().invoke(cli, ["chat", "acme", "--max-tokens", "4", *arguments], input=spoken)
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_a_prompt_that_is_cut_is_said_once_with_what_to_do(model: Artifact) -> None:
    _, noted = chat(spoken=f"{LONG}\n/more\n/more\n/quit\n")
    assert noted.count("are left out") == 1
    assert f"the model takes {CONTEXT}, answer included" in noted
    assert "smaller --max-tokens" in noted


def test_a_prompt_that_is_cut_is_said_beside_json_too(model: Artifact) -> None:
    printed, noted = chat("--prompt", LONG, "--json")
    assert set(json.loads(printed)) == {"model", "prompt", "answer"}
    assert "are left out" in noted


def test_a_prompt_that_fits_needs_no_word(model: Artifact) -> None:
    assert chat("--prompt", "def visit(self)", "--temperature", "0")[1] == ""


def test_more_goes_on_from_an_answer_that_was_broken_off(model: Artifact) -> None:
    engine = Stopped(model.path)
    with CliRunner().isolation(input="def visit\n/more\n/quit\n") as (printed, *_):
        _converse(model, Talk(engine, SamplingParams(max_tokens=6, temperature=0.0)))
    assert b"(stopped)" in printed.getvalue()
    assert engine.said
    assert engine.prompts == ["def visit", "def visit" + engine.said]


def test_bytes_that_are_no_text_are_answered_and_the_conversation_goes_on(model: Artifact) -> None:
    command = [sys.executable, "-m", "ingot.cli.main", "chat", "acme", "--max-tokens", "4"]
    done = subprocess.run(command, input=b"caf\xe9\ndef visit\n/quit\n", capture_output=True)
    assert done.returncode == 0
    assert b"not valid UTF-8: byte 0xe9" in done.stderr
    assert b"iconv" in done.stderr
    assert done.stdout.count(b"tokens/s)") == 1


class Heard(Stopped):
    """The reference engine, nobody stops it; keeps the ids it was given."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.heard: list[list[int]] = []

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        self.heard.append(list(prompt))
        return Engine.generate(self, prompt, params, stop)


def test_a_model_that_was_taught_to_answer_reads_turns(model: Artifact) -> None:
    engine = Heard(model.path)
    talk = Talk(engine, SamplingParams(max_tokens=6, temperature=0.0), is_in_turns=True)
    with CliRunner().isolation(input="who\n/more\nwhy\n/new\nhow\n/quit\n"):
        _converse(model, talk)
    first, more, second, anew = engine.heard
    asked = [{"role": "user", "content": "who"}]
    assert first == render(asked, engine.codec, add_generation_prompt=True).ids
    assert more[: len(first)] == first
    told = engine.codec.decode(second)
    assert told.index("who") < told.index("why")
    assert anew == render([{"role": "user", "content": "how"}], engine.codec, add_generation_prompt=True).ids
    assert [turn["role"] for turn in talk.turns] == ["user", "assistant"]


def test_the_oldest_turns_are_left_out_where_there_is_no_room(
    model: Artifact, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = Heard(model.path)
    talk = Talk(engine, SamplingParams(max_tokens=20), is_in_turns=True)
    talk.turns = [{"role": role, "content": "def visit(self): return " * 4} for role in ("user", "assistant", "user")]
    ids = talk.ids_in_turns()
    assert len(ids) <= CONTEXT - 20
    assert ids == render(talk.turns[-1:], engine.codec, add_generation_prompt=True).ids
    assert "are left out" in capsys.readouterr().err


def test_a_model_of_another_template_is_noted(ingot_home: Path, tmp_path: Path) -> None:
    files = {path.name: path for path in make_model(tmp_path / "tiny").iterdir()}
    add(Home(ingot_home), "acme", files=files, facts={"kind": "chat", "engine": "torch", "chat_template": "sha256:0"})
    assert "another version of Ingot framed" in chat("--prompt", "who", "--temperature", "0")[1]
