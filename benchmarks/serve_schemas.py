"""Answers held to real-world schemas, and forced calls of real functions, by a model that knows nothing.

The model is very small and its weights are drawn, so it would break every form that is not enforced; it is asked over
HTTP, at the highest temperature the API takes, in a request of its own for each schema, engine and seed. Each schema is
either refused, with the place of what cannot be enforced, or every whole answer must be valid to `jsonschema` in the
draft the schema is written in. An answer that grew longer than it may, or that the server itself took back, is told
apart: it is not silently invalid.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any

import jsonschema
import numpy as np
import psutil
from referencing import Registry

from benchmarks.real_schemas import Function, RealSchema, functions, installed, of_folder
from benchmarks.report import Figure, publish
from ingot.core.errors import InputError
from ingot.infer.exporters.gguf import Config, export
from ingot.infer.grammars.drafts import draft_of
from ingot.infer.schema_reader import SchemaReader
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.infer.tiny_model import sizes

ENGINES = ("torch", "openvino", "llamacpp")
GOAL, UNIQUE = 500, 10_000
_VALIDATORS: Mapping[int, Any] = {
    4: jsonschema.Draft4Validator,
    6: jsonschema.Draft6Validator,
    7: jsonschema.Draft7Validator,
    2019: jsonschema.Draft201909Validator,
    2020: jsonschema.Draft202012Validator,
}
_CHECK_SECONDS = 20
_CONTEXT, _MOST_TOKENS = 4096, 500
_LEAN = 1.0


def verdicts(schemas: Sequence[RealSchema]) -> dict[str, Any]:
    """Read every schema as the server does; return which are accepted, and why the others are not."""
    reader, accepted, refused = SchemaReader(), [], Counter[str]()
    placed, seconds = 0, []
    for one in schemas:
        started = time.perf_counter()
        try:
            reader.check(one.schema)
            accepted.append(one)
        except InputError as error:
            placed += _points_at_something(error.where, one.schema)
            refused[_kind(error.what)] += 1
        seconds.append(time.perf_counter() - started)
    reader.close()
    return {
        "accepted": accepted,
        "refused": dict(refused.most_common(20)),
        "refused_with_a_place": placed,
        "milliseconds_p50_p99": [1000 * float(np.percentile(seconds, share)) for share in (50, 99)],
    }


def _kind(what: str) -> str:
    return re.sub(r"'[^']*'|\d+|, at .*$", "_", what)[:80]


def _points_at_something(pointer: str, schema: Any) -> bool:
    place = schema
    for written in pointer.split("/")[1:]:
        step = written.replace("~1", "/").replace("~0", "~")
        try:
            place = place[int(step)] if isinstance(place, list) else place[step]
        except (KeyError, ValueError, IndexError, TypeError):
            return False
    return pointer.startswith("#")


def growth(count: int) -> float:
    """Return by how many MiB memory grew while so many schemas were read, none of them twice, children included."""
    reader = SchemaReader()
    for number in range(1_000):
        reader.check(_unique(number))
    before = _resident()
    for number in range(1_000, 1_000 + count):
        reader.check(_unique(number))
    grown = _resident() - before
    reader.close()
    return grown / 2**20


def _unique(number: int) -> Any:
    inner = {"type": "object", "properties": {f"p{number}_{one}": {"type": "string"} for one in range(8)}}
    return {"type": "object", "properties": {"a": inner, "b": {"type": "array", "items": inner}}, "required": ["a"]}


def _resident() -> int:
    whole = psutil.Process()
    return int(sum(process.memory_info().rss for process in (whole, *whole.children(recursive=True))))


def model(folder: Path, texts: Sequence[str]) -> None:
    """Write a small model with drawn weights that leans towards what closes, so that random answers come to an end.

    One number of its state is the same wherever it reads, and speaks for every token with a quote or a bracket.
    """
    import torch

    folder.mkdir(parents=True)
    write(learn(texts, 640), folder)
    codec = Codec.load(folder)
    torch.manual_seed(7)
    decoder = Decoder(replace(sizes(codec.vocabulary, has_tied_embeddings=False), layers=1, context=_CONTEXT))
    assert decoder.lm_head is not None, "the table that is read and the one that is written differ"
    closing = [token for token in range(codec.vocabulary) if set(codec.token_bytes(token)) & set(b'"]}')]
    with torch.no_grad():
        decoder.embed_tokens.weight[:, 0] = 1.0
        decoder.lm_head.weight[:, 0] = 0.0
        decoder.lm_head.weight[closing, 0] = _LEAN
    save(decoder, folder, SpecialTokens(codec.bos, (codec.eos, codec.end_of_turn), codec.pad))
    export(folder, folder / "model-f16.gguf", Config())


def body_of(schema: Any, seed: int) -> dict[str, Any]:
    """Return a request for an answer that follows a schema."""
    form = {"type": "json_schema", "json_schema": {"name": "real", "schema": schema, "strict": True}}
    return {"model": "acme", "messages": [{"role": "user", "content": "x"}], "response_format": form, **_drawn(seed)}


def calling(offered: Sequence[Function], named: bool, seed: int) -> dict[str, Any]:
    """Return a request that must call one of the functions, or the first by name."""
    tools = [
        {"type": "function", "function": {"name": one.name, "parameters": dict(one.parameters)}} for one in offered
    ]
    choice: Any = {"type": "function", "function": {"name": offered[0].name}} if named else "required"
    asked = [{"role": "user", "content": "x"}]
    return {"model": "acme", "messages": asked, "tools": tools, "tool_choice": choice, **_drawn(seed)}


def _drawn(seed: int) -> dict[str, Any]:
    return {"temperature": 2.0, "seed": seed, "max_tokens": _MOST_TOKENS}


def answered(bodies: Sequence[Mapping[str, Any]], folder: Path, seconds: float) -> dict[str, list[dict[str, Any]]]:
    """Return what each engine answered in this time, all engines at work beside one another."""
    asked = folder / "bodies.jsonl"
    asked.write_text("".join(json.dumps(body) + "\n" for body in bodies), encoding="utf-8")
    children = {}
    for name in ENGINES:
        command = [
            sys.executable,
            "-m",
            "benchmarks.schemas_child",
            name,
            str(folder / "model"),
            str(asked),
            f"{seconds}",
        ]
        told = (folder / f"{name}.jsonl").open("w+", encoding="utf-8")
        children[name] = (subprocess.Popen(command, stdout=told), told)
    found = {}
    for name, (process, told) in children.items():
        process.wait()
        told.seek(0)
        found[name] = [json.loads(line) for line in told]
        told.close()
    return found


def judged(answers: Sequence[Mapping[str, Any]], schemas: Sequence[Mapping[str, Any]], ends: str) -> dict[str, Any]:
    """Return how the answers of one engine compare with what was asked; each has its own schema by tool name or ''."""
    counted: Counter[str] = Counter()
    examples: list[dict[str, Any]] = []
    for answer in answers:
        kind, why = _judged(answer, schemas[answer["number"]], ends)
        counted[kind] += 1
        if kind not in ("valid", "longer than it may be") and len(examples) < 10:
            examples.append({"number": answer["number"], "kind": kind, "why": why[:300]})
    return {"asked": len(answers), **counted, "examples": examples}


def _judged(answer: Mapping[str, Any], schemas: Mapping[str, Any], ends: str) -> tuple[str, str]:
    if answer["status"] == 0:
        return "connection lost", answer["why"]
    if answer["status"] != 200:
        return ("refused by the engine" if answer["status"] == 400 else "taken back by the server"), answer["why"]
    if answer["finish"] != ends:
        return ("longer than it may be" if answer["finish"] == "length" else "ended otherwise"), str(answer["finish"])
    try:
        why = flaw(_exact(answer["text"]), _exact(json.dumps(schemas[answer.get("name", "")])))
    except (ValueError, KeyError) as error:
        return "invalid", f"{error!r}: {answer['text']!r}"
    return ("valid", "") if why is None else ("invalid", why)


def _exact(text: str) -> Any:
    """Return a JSON value whose decimals are exact: divided as floats, 0.07 would be no multiple of 0.01."""
    return json.loads(text, parse_float=Decimal)


def flaw(value: Any, schema: Any) -> str | None:
    """Return what the reference validator finds wrong, or None."""
    with _limited(_CHECK_SECONDS), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        found = next(iter(_VALIDATORS[draft_of(schema)](schema, registry=Registry()).iter_errors(value)), None)
    return None if found is None else f"{found.json_path}: {found.message}"


@contextmanager
def _limited(seconds: int) -> Iterator[None]:
    def end(signum: int, frame: FrameType | None) -> None:
        raise ValueError("the validator did not come to an end")

    signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer schemas, at most two minutes")
    options.add_argument(
        "--schemas", type=Path, action="append", default=[], help="a folder of schemas; may be repeated"
    )
    options.add_argument("--functions", type=Path, help="a folder with lines of functions, such as BFCL's data")
    options.add_argument("--most", type=int, default=650, help="schemas that are answered, drawn from all there are")
    given = options.parse_args()
    draw = random.Random(11)
    schemas = [*installed(), *(one for folder in given.schemas for one in of_folder(folder))]
    sources = Counter(one.source for one in schemas)
    draw.shuffle(schemas)
    read = schemas[: 300 if given.quick else 3_000]
    found = verdicts(read)
    accepted: list[RealSchema] = found.pop("accepted")
    chosen = accepted[: 40 if given.quick else given.most]
    tools = list(functions(given.functions)) if given.functions else []
    draw.shuffle(tools)
    offers = [tools[place : place + 4] for place in range(0, min(len(tools), 60 if given.quick else 800), 4)]
    grown = growth(500 if given.quick else UNIQUE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model(folder / "model", [json.dumps(one.schema) for one in schemas[:300]] * 2)
        bodies = [body_of(one.schema, seed) for seed, one in enumerate(chosen)]
        forms = answered(bodies, folder, 40 if given.quick else 420)
        forced = answered(
            [calling(some, bool(seed % 2), seed) for seed, some in enumerate(offers)], folder, 15 if given.quick else 60
        )
    told = {engine: judged(lines, [{"": one.schema} for one in chosen], "stop") for engine, lines in forms.items()}
    offered = [{one.name: one.parameters for one in some} for some in offers]
    called = {engine: judged(lines, offered, "tool_calls") for engine, lines in forced.items()}
    publish(
        "serve_schemas",
        figures(len(read), len(accepted), found, told, called, grown, given.quick),
        {
            "is_quick": given.quick,
            "found": len(schemas),
            "sources": dict(sources.most_common(40)),
            "read": len(read),
            **found,
            "answers": told,
            "calls": called,
            "functions": len(tools),
        },
    )


def figures(
    read: int,
    accepted: int,
    found: Mapping[str, Any],
    told: Mapping[str, Mapping[str, Any]],
    called: Mapping[str, Mapping[str, Any]],
    grown: float,
    is_quick: bool,
) -> list[Figure]:
    """Return the figures; one that this run did not measure in full holds nothing."""
    least = min((one.get("valid", 0) for one in told.values()), default=0)
    invalid = sum(one.get("invalid", 0) + one.get("ended otherwise", 0) for one in told.values())
    failures = ("taken back by the server", "connection lost")
    back = sum(one.get(kind, 0) for one in (*told.values(), *called.values()) for kind in failures)
    whole = sum(one.get("valid", 0) + one.get("invalid", 0) for one in called.values())
    share = sum(one.get("valid", 0) for one in called.values()) / whole if whole else None
    bad_calls = sum(one.get(kind, 0) for one in called.values() for kind in ("invalid", "ended otherwise"))
    is_enough = least >= GOAL and not is_quick
    return [
        Figure("real schemas read", read, "schemas", f">= {GOAL}", read >= GOAL if not is_quick else None),
        Figure("accepted", accepted / max(1, read), "share", "", None),
        Figure(
            "refused without saying where",
            read - accepted - found["refused_with_a_place"],
            "schemas",
            "0",
            read - accepted == found["refused_with_a_place"],
        ),
        Figure("answered whole by every engine", least, "schemas", f">= {GOAL}", None if is_quick else is_enough),
        Figure("silently invalid answers", invalid, "answers", "0", (invalid == 0) if is_enough or invalid else None),
        Figure("answers taken back by the server's own check, or lost", back, "answers", "0", back == 0),
        Figure(
            "forced tool calls that are valid",
            share,
            "share",
            "1",
            None if share is None else share == 1 and bad_calls == 0,
        ),
        Figure(
            "growth of the reader over 10,000 unique schemas", grown, "MiB", "< 200", None if is_quick else grown < 200
        ),
        Figure("reading a schema, p50", found["milliseconds_p50_p99"][0], "ms", "", None),
        Figure("reading a schema, p99", found["milliseconds_p50_p99"][1], "ms", "", None),
    ]


if __name__ == "__main__":
    main()
