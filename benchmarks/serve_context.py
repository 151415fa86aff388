"""What is spared: repeated prompts through HTTP, and who else could notice; 32k tokens at once; tokens guessed ahead.

A model with drawn weights is served by each engine to two keys, which are workspaces of their own. One key sends a
prefix of 2,048 tokens, then sends it again with another end, then the other key does the same: the time to the first
token is that of a request for one token. Another small model reads 32k tokens, with its positions scaled (YaRN) where
the engine's file can say so, and each engine's log-probabilities are compared with those of transformers in float32.

A draft model guesses ahead for one whose further layers say nothing, so that it is always right: what a draft can gain
at most. Beside it one with weights of its own, which is never right: what the trial at the opening must switch off.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpus import standard_library
from benchmarks.http_client import Connection
from benchmarks.report import Figure, publish
from ingot.core.hardware import usable_cores

ENGINES = ("openvino", "llamacpp", "torch")
THREADS = min(2, usable_cores())
PREFIX_TOKENS, TAIL_TOKENS, ROUNDS, QUICK_ROUNDS = 2048, 16, 5, 2
KEYS = ("a" * 32, "b" * 32)
LONG_CONTEXT, LONG_TOKENS = 32_768, 32_700
SHORT: dict[str, Any] = {"width": 512, "layers": 8, "heads": 8, "kv_heads": 4, "head_width": 64, "ffn_width": 1408}
LONG: dict[str, Any] = {"width": 64, "layers": 2, "heads": 2, "kv_heads": 1, "head_width": 32, "ffn_width": 128}


def make_model(folder: Path, sizes: Mapping[str, Any], *, is_exported: bool = True) -> None:
    """Write a model folder with drawn weights, and its exported file."""
    import torch

    from ingot.infer.exporters.gguf import Config, export
    from ingot.model.config import ModelConfig
    from ingot.model.convert import SpecialTokens, save
    from ingot.model.decoder import Decoder
    from ingot.tokenizer.codec import Codec
    from ingot.tokenizer.train import learn, write

    folder.mkdir()
    write(learn([_text(400_000)], 1024), folder)
    codec = Codec.load(folder)
    torch.manual_seed(7)
    config = ModelConfig(vocabulary=codec.vocabulary, has_qk_norm=False, has_tied_embeddings=False, **sizes)
    decoder = Decoder(config)
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.mul_(4.0 if weight.ndim == 2 else 1.0)  # else every token is as probable as any other
            weight.copy_(weight.half())  # what the file holds
    save(decoder, folder, SpecialTokens(codec.bos, (codec.eos, codec.end_of_turn), codec.pad))
    (folder / "keys").write_text("\n".join(KEYS) + "\n")
    if is_exported:
        export(folder, folder / "model-f16.gguf", Config())


def _text(characters: int) -> str:
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in sorted(standard_library().glob("*.py")))
    return "\n".join(texts)[:characters]


@contextmanager
def served(engine: str, folder: Path) -> Iterator[int]:
    """Serve a model in a process of its own, and yield its port."""
    command = [sys.executable, "-m", "benchmarks.engine_server", f"ingot:{engine}", str(folder), str(THREADS), "4", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.terminate()


async def first_token(port: int, key: str, prompt: Sequence[int]) -> tuple[float, int | None]:
    """Return the seconds that a request for one token takes, and how many tokens it says it knew."""
    connection = Connection(port, key)
    started = time.perf_counter()
    body = {"model": "acme", "prompt": list(prompt), "max_tokens": 1, "temperature": 0.0}
    status, content = await connection.post("/v1/completions", body)
    seconds = time.perf_counter() - started
    connection.close()
    assert status == 200, content
    details = json.loads(content)["usage"].get("prompt_tokens_details") or {}
    return seconds, details.get("cached_tokens")


async def repeated(port: int, rounds: int) -> dict[str, Any]:
    """Send prefixes for the first time, again, and by the other key; return medians and what answers told."""
    random = np.random.default_rng(3)
    seconds: dict[str, list[float]] = {"new": [], "again": [], "other key": []}
    known: dict[str, int | None] = {}
    await first_token(
        port, KEYS[0], random.integers(300, 900, PREFIX_TOKENS).tolist()
    )  # prepares what is prepared once
    for _ in range(rounds):
        prefix = random.integers(300, 900, PREFIX_TOKENS).tolist()
        for kind, key in (("new", KEYS[0]), ("again", KEYS[0]), ("other key", KEYS[1])):
            tail = random.integers(300, 900, TAIL_TOKENS).tolist()
            took, known[kind] = await first_token(port, key, [*prefix, *tail])
            seconds[kind].append(took)
    return {"seconds": {kind: statistics.median(values) for kind, values in seconds.items()}, "known": known}


async def long_request(port: int, text: str, top: int) -> dict[str, Any]:
    """Ask for the token after a long text; return its log-probabilities, seconds, and how many tokens were read."""
    connection = Connection(port, KEYS[0])
    message = {"role": "user", "content": text}
    settings = {"max_tokens": 1, "temperature": 0.0, "logprobs": True, "top_logprobs": top}
    started = time.perf_counter()
    status, content = await connection.post(
        "/v1/chat/completions", {"model": "acme", "messages": [message], **settings}
    )
    seconds = time.perf_counter() - started
    connection.close()
    assert status == 200, content
    answer = json.loads(content)
    told = answer["choices"][0]["logprobs"]["content"][0]
    values = [one["logprob"] for one in told["top_logprobs"]] or [told["logprob"]]
    return {"values": values, "seconds": seconds, "tokens": answer["usage"]["prompt_tokens"]}


def expected(folder: Path, text: str) -> list[float]:
    """Return the highest log-probabilities that transformers gives, highest first."""
    import torch
    from transformers import AutoModelForCausalLM

    from ingot.tokenizer.codec import Codec

    codec = Codec.load(folder)
    torch.set_num_threads(THREADS)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        logits_V = model(torch.tensor([[codec.bos, *codec.encode(text)]]), logits_to_keep=1).logits[0, -1].double()
    return torch.log_softmax(logits_V, -1).sort(descending=True).values[:20].tolist()


def long_text(folder: Path, tokens: int) -> str:
    """Return a text of at most so many tokens, and hardly fewer."""
    from ingot.tokenizer.codec import Codec

    codec = Codec.load(folder)
    text = _text(8 * tokens)
    while len(ids := codec.encode(text)) > tokens:
        text = text[: int(len(text) * min(0.999, tokens / len(ids)))]
    return text


def measure_long(scratch: Path, tokens: int) -> dict[str, dict[str, Any]]:
    """Return for every engine how far its log-probabilities are from those of transformers, after a long text."""
    scaling = {"kind": "yarn", "factor": 8.0, "original_context": LONG_CONTEXT // 8}
    plain, scaled = scratch / "plain", scratch / "scaled"
    make_model(plain, {**LONG, "context": LONG_CONTEXT, "rope_theta": 1e6})
    make_model(scaled, {**LONG, "context": LONG_CONTEXT, "rope_scaling": scaling}, is_exported=False)
    told: dict[str, dict[str, Any]] = {}
    for engine in ENGINES:
        folder = scaled if engine == "torch" else plain
        text = long_text(folder, tokens)
        theirs = expected(folder, text)
        with served(engine, folder) as port:
            told[engine] = asyncio.run(long_request(port, text, 0 if engine == "openvino" else 20))
        pairs = zip(told[engine]["values"], theirs, strict=False)
        told[engine]["difference"] = max(abs(own - other) for own, other in pairs)
        print(engine, told[engine]["tokens"], told[engine]["seconds"], told[engine]["difference"], file=sys.stderr)
    return told


def make_pair(scratch: Path) -> tuple[Path, Path, Path]:
    """Return a large model, a draft that always guesses its tokens, and one that never does."""
    import torch

    from ingot.infer.exporters.gguf import Config, export
    from ingot.model.convert import SpecialTokens, load, save
    from ingot.model.decoder import Decoder
    from ingot.tokenizer.codec import Codec

    large, right, wrong = scratch / "large", scratch / "right", scratch / "wrong"
    make_model(large, {**SHORT, "layers": 12, "context": 4096})
    codec, decoder = Codec.load(large), load(large)
    layers: Any = decoder.layers
    with torch.no_grad():
        for layer in layers[1:]:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
    torch.manual_seed(11)
    small = Decoder(replace(decoder.config, layers=1))
    special = SpecialTokens(codec.bos, (codec.eos, codec.end_of_turn), codec.pad)
    for folder in (right, wrong):
        shutil.copytree(large, folder)
    save(small, wrong, special)
    small.load_state_dict({name: decoder.state_dict()[name] for name in small.state_dict()})
    save(small, right, special)
    save(decoder, large, special)
    for folder in (large, right, wrong):
        export(folder, folder / "model-f16.gguf", Config())
    return large, right, wrong


def measure_draft(scratch: Path, tokens: int) -> dict[str, Any]:
    """Return tokens a second alone and with a draft, whether both say the same, and whether a bad draft is dropped."""
    from ingot.infer.engine import greedy
    from ingot.infer.engines.openvino import Config, Engine

    large, right, wrong = make_pair(scratch)
    told: dict[str, Any] = {}
    said: dict[str, list[int]] = {}
    for name, draft in (("alone", ""), ("right", str(right)), ("wrong", str(wrong))):
        engine = Engine(large, Config(threads=THREADS, draft=draft))
        prompt = [engine.codec.bos, *engine.codec.encode(_text(2000))]
        greedy(engine, prompt, 4)
        started = time.perf_counter()
        said[name] = greedy(engine, prompt, tokens)
        told[name] = {"rate": len(said[name]) / (time.perf_counter() - started), "is_drafted": engine.is_drafted}
        engine.close()
    told["is_same"] = said["alone"] == said["right"] == said["wrong"]
    print("draft", told, file=sys.stderr)
    return told


def figures(
    prefixes: Mapping[str, Any], long: Mapping[str, Any], draft: Mapping[str, Any], is_quick: bool
) -> Iterator[Figure]:
    """Say every figure; a quick run's times hold nothing to a goal."""
    for engine, told in prefixes.items():
        seconds, known = told["seconds"], told["known"]
        yield Figure(f"{engine}: first token after 2k new tokens", 1000 * seconds["new"], "ms", "", None)
        gain = seconds["new"] / seconds["again"]
        name = f"{engine}: first token on a repeated 2k prefix, times sooner"
        yield Figure(name, gain, "", "at least 5", None if is_quick else gain >= 5)
        gain = seconds["new"] / seconds["other key"]
        name = f"{engine}: first token on a prefix of another workspace, times sooner"
        yield Figure(name, gain, "", "at most 1.25", None if is_quick else gain <= 1.25)
        if known["other key"] is not None:
            holds = known["other key"] == 0
            yield Figure(f"{engine}: tokens known from another workspace", known["other key"], "", "none", holds)
    for engine, told in long.items():
        kind = "YaRN" if engine == "torch" else "plain positions"
        name = f"{engine}: log-probabilities after {told['tokens']} tokens ({kind}), off transformers'"
        yield Figure(name, told["difference"], "", "at most 1e-3", told["difference"] <= 1e-3)
        yield Figure(f"{engine}: first token after {told['tokens']} tokens", told["seconds"], "s", "", None)
    yield Figure("draft model: greedy answers are the same", float(draft["is_same"]), "", "1", draft["is_same"])
    for name in ("alone", "right"):
        yield Figure(f"draft model, {name}: decode", draft[name]["rate"], "tokens/s", "", None)
    gain = draft["right"]["rate"] / draft["alone"]["rate"]
    yield Figure("draft model that is always right: times faster", gain, "", "", None)
    is_dropped = not draft["wrong"]["is_drafted"]
    yield Figure("draft model that is never right: switched off", float(is_dropped), "", "1", is_dropped)


def main() -> None:
    """Make the models, serve them by each engine, and publish."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer prefixes and a shorter long text: does it run?")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        make_model(scratch / "short", {**SHORT, "context": 4096})
        prefixes = {}
        for engine in ENGINES:
            with served(engine, scratch / "short") as port:
                prefixes[engine] = asyncio.run(repeated(port, QUICK_ROUNDS if options.quick else ROUNDS))
            print(engine, prefixes[engine], file=sys.stderr)
        long = measure_long(scratch, LONG_TOKENS // 8 if options.quick else LONG_TOKENS)
        draft = measure_draft(scratch, 64 if options.quick else 256)
    details = {"is_quick": options.quick, "prefixes": prefixes, "long": long, "draft": draft, "threads": THREADS}
    publish("serve_context", figures(prefixes, long, draft, options.quick), details)


if __name__ == "__main__":
    main()
