"""Calls of tools after fine-tuning: is what a small model writes a call, of the right tool, with exact arguments?

A model of a million drawn weights is taught by `recipes/fine_tune`, the path that users take: conversations are framed,
a plan is made, the model is trained and packaged. It is then asked through the chat template on the reference engine,
greedily and without a grammar. Nothing it is asked was in the training: neither a wording nor a value, which are names
of made-up syllables, numbers, dates and sentences (tool_prompts.py); the eight tools were.

Well formed is an answer that is one call, closed, of an offered tool, with arguments that follow its schema. Exact is
one whose arguments are those of the request, all of them and no others. The processor time of the training is told, for
it is what more of would buy.

    python -m benchmarks.align_tools [--quick] [--conversations N] [--cores N]
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from benchmarks.report import Figure, publish
from benchmarks.tool_prompts import TOOLS, Request, conversations, offered, requests
from ingot.evaluate.intervals import wilson
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.runner import Options, run
from ingot.infer.engine import Engine, open_engine
from ingot.infer.sampling import SamplingParams
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.recipes.continue_pretrain import import_model
from ingot.recipes.fine_tune import Choices, fine_tune
from ingot.serve.answers.checking import flaw, read_json
from ingot.tokenizer.chat import CALL, CALL_END, render
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write

MODEL = ModelConfig(1024, width=128, layers=5, heads=4, kv_heads=4, head_width=32, ffn_width=384, context=1024)
CONVERSATIONS, QUICK_CONVERSATIONS = 24_000, 1_500
ASKED, QUICK_ASKED = 400, 40
RATE = 10.0  # times that of a fine-tuning: the weights are drawn, there is nothing to forget
IN_A_STEP = 8
LONGEST_ANSWER = 96
WELL_FORMED, EXACT = 0.95, 0.80


@dataclass(frozen=True)
class Answered:
    """What was asked, what was written, and how far it is right."""

    request: Request
    written: str
    is_well_formed: bool
    is_tool: bool
    is_exact: bool


def taught(folder: Path, count: int, cores: int) -> tuple[Path, dict[str, Any]]:
    """Make a model of drawn weights, teach it by the recipe, and return its folder and what the plan and record say."""
    file, start, home = folder / "conversations.jsonl", folder / "start", Home(folder / "home")
    examples = list(islice(conversations(TOOLS, random.Random(0)), count))
    file.write_text("".join(json.dumps(each) + "\n" for each in examples))
    start.mkdir()
    write(learn((json.dumps(each) for each in examples[:2000]), MODEL.vocabulary), start)
    codec = Codec.load(start)
    torch.manual_seed(0)
    save(Decoder(MODEL), start, SpecialTokens(codec.bos, (codec.eos,), codec.pad))
    base = made(home, import_model("start", start))
    choices = Choices(epochs=1, batch_size=IN_A_STEP, rate_factor=RATE)
    steps, given = fine_tune("tools", base, home, file, None, choices)
    outcome = run(steps, home, Options(cores=cores), [], given)
    facts = {name: dict(outcome.artifacts[name].facts) for name in ("shards", "plan", "checkpoint")}
    return outcome.artifacts["model"].path, facts


def made(home: Home, step: Any) -> Artifact:
    """Run one step and return what it makes."""
    return run([step], home, Options(), []).artifacts[step.name]


def answers(engine: Engine, asked: Sequence[tuple[Request, list[dict[str, Any]]]]) -> Iterator[Answered]:
    """Ask one request after the other, as a server would, and yield what came of each."""
    codec, greedy = engine.codec, SamplingParams(max_tokens=LONGEST_ANSWER, temperature=0.0)
    for request, tools in asked:
        prompt = render([{"role": "user", "content": request.text}], codec, add_generation_prompt=True, tools=tools)
        tokens = list(engine.generate(prompt.ids, greedy))
        ids, has_ended = [token.id for token in tokens], tokens[-1].finish == "stop"
        call = call_in(ids, codec) if has_ended else None
        schema = next((tool["parameters"] for tool in tools if call and tool["name"] == call["name"]), None)
        is_call = call is not None and schema is not None and flaw(call["arguments"], schema) is None
        is_tool = is_call and call is not None and call["name"] == request.name
        is_exact = is_tool and call is not None and call["arguments"] == request.arguments
        yield Answered(request, codec.decode(ids), is_call, is_tool, is_exact)


def call_in(ids: Sequence[int], codec: Codec) -> dict[str, Any] | None:
    """Return the call that an answer is, or None where it is anything else."""
    said = [token for token in ids if token not in (codec.end_of_turn, codec.eos)]
    if len(said) < 2 or (said[0], said[-1]) != (codec.special(CALL), codec.special(CALL_END)):
        return None
    try:
        call = read_json(codec.decode(said[1:-1]))
    except ValueError:
        return None
    return call if isinstance(call, dict) and call.keys() == {"name", "arguments"} else None


def figures_of(found: Sequence[Answered], is_quick: bool) -> list[Figure]:
    """Return the figures of the issue's row, with the interval (Wilson, 95%) in the name; a quick run judges none."""

    def figure(name: str, right: Sequence[bool], goal: float | None) -> Figure:
        seen = wilson(sum(right), len(right))
        holds = None if goal is None or is_quick else sum(right) / len(right) >= goal
        told = f"{name} (95% {seen.low:.3f} to {seen.high:.3f}, {len(right)} unseen requests)"
        return Figure(told, sum(right) / len(right), "share", "" if goal is None else f">= {goal}", holds)

    return [
        figure("well-formed calls", [each.is_well_formed for each in found], WELL_FORMED),
        figure("right tool", [each.is_tool for each in found], None),
        figure("right tool with exact arguments", [each.is_exact for each in found], EXACT),
    ]


def by_tool(found: Sequence[Answered]) -> dict[str, str]:
    """Return of each tool how many of its requests were answered exactly."""
    told = {}
    for tool in TOOLS:
        own = [each.is_exact for each in found if each.request.name == tool.name]
        told[tool.name] = f"{sum(own)} of {len(own)}"
    return told


def main() -> None:
    """Teach, ask, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer conversations and requests; nothing is judged")
    parser.add_argument("--conversations", type=int, default=0, metavar="N", help="learn from so many")
    parser.add_argument("--cores", type=int, default=1, metavar="N", help="train with so many")
    arguments = parser.parse_args()
    count = arguments.conversations or (QUICK_CONVERSATIONS if arguments.quick else CONVERSATIONS)
    with tempfile.TemporaryDirectory() as temporary:
        began = time.monotonic()
        model, facts = taught(Path(temporary), count, arguments.cores)
        seconds = time.monotonic() - began
        print(json.dumps({"seconds": seconds, **facts}), flush=True)
        lot = random.Random(1)
        some = islice(requests(TOOLS, True, lot), QUICK_ASKED if arguments.quick else ASKED)
        engine = open_engine(model, "torch")
        found = list(answers(engine, [(request, offered(TOOLS, request.name, lot)) for request in some]))
        engine.close()
    wrong = [
        {"asked": each.request.text, "expected": each.request.arguments, "written": each.written}
        for each in found
        if not each.is_exact
    ]
    print(json.dumps(wrong[:20], indent=1, ensure_ascii=False), flush=True)
    details = {
        "is_quick": arguments.quick,
        "conversations": count,
        "training_seconds": round(seconds),
        "cores": arguments.cores,
        "parameters": MODEL.parameters,
        "exact_by_tool": by_tool(found),
        "plan": facts["plan"]["sentences"],
        "wrong": wrong[:20],
    }
    publish("align_tools", figures_of(found, arguments.quick), details)


if __name__ == "__main__":
    main()
