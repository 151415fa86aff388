"""What do our engines cost over the libraries they stand on? Eight streams, one stream, and processor time.

A model of 300 M parameters with drawn weights is made in a temporary folder and exported. Every side is open all the
time in a process of its own, on the same file and the same prompts, and they answer in turn: the libraries driven as
directly as they allow, our engine in its supervised child, the whole of our server through HTTP, and llama.cpp's own
server through HTTP. Prompts are 256 tokens, answers 48 (96 of one stream), drawn at temperature 1 and streamed; the
rate of eight streams counts the reading of the prompts, that of one stream does not. transformers reads the folder the
file was made from, in float32, as one batch. Processor time is that of the server alone where there is one, so that no
client counts.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.corpus import standard_library
from benchmarks.http_client import Connection
from benchmarks.report import Figure, publish
from ingot.core.hardware import usable_cores

STREAMS, PROMPT_TOKENS, CONTEXT = 8, 256, 1024
ANSWER_TOKENS, ALONE_TOKENS = 48, 96
OURS, OURS_LLAMA, THEIRS = "ingot through HTTP", "ingot through HTTP, llama.cpp engine", "llama.cpp server"
THREADS = min(2, usable_cores())
ROUNDS, QUICK_ROUNDS = 5, 1
# A bound on the mean of five values: Student's t for 4 degrees of freedom, one-sided 95%.
_T_95 = 2.132
_MADE = re.compile(r'"(?:completion_tokens|tokens_predicted)": ?(\d+)')
SIZES: dict[str, Any] = {"width": 1024, "layers": 20, "heads": 16, "kv_heads": 4, "head_width": 64, "ffn_width": 3584}
QUICK_SIZES: dict[str, Any] = {"width": 256, "layers": 4, "heads": 4, "kv_heads": 2, "head_width": 64, "ffn_width": 768}

Answers = Callable[[Sequence[Sequence[int]], int], list[list[float]]]  # when each token of each prompt's answer came


def make_model(folder: Path, is_quick: bool) -> None:
    """Write a model folder with drawn weights and its exported file."""
    import torch

    from ingot.infer.exporters.gguf import Config, export
    from ingot.model.config import ModelConfig
    from ingot.model.convert import SpecialTokens, save
    from ingot.model.decoder import Decoder
    from ingot.tokenizer.codec import Codec
    from ingot.tokenizer.train import learn, write

    texts = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(standard_library().glob("*.py"))]
    write(learn(texts, 1024 if is_quick else 16_384), folder)
    codec = Codec.load(folder)
    torch.manual_seed(7)
    sizes = QUICK_SIZES if is_quick else SIZES
    config = ModelConfig(
        vocabulary=codec.vocabulary, has_qk_norm=False, has_tied_embeddings=False, context=CONTEXT, **sizes
    )
    save(Decoder(config), folder, SpecialTokens(codec.bos, (codec.eos, codec.end_of_turn), codec.pad))
    export(folder, folder / "model-f16.gguf", Config())


def raw_openvino(folder: Path) -> Answers:
    """Step OpenVINO's batch in a loop and read what came: nothing between it and the figures."""
    from ingot.infer.engines.openvino import import_quietly

    openvino, genai = import_quietly()

    exact = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
    settings = {"INFERENCE_NUM_THREADS": THREADS, **exact}
    pipeline = genai.ContinuousBatchingPipeline(
        str(folder / "model-f16.gguf"), genai.SchedulerConfig(), "CPU", settings
    )

    def answers(prompts: Sequence[Sequence[int]], tokens: int) -> list[list[float]]:
        settings = genai.GenerationConfig()
        settings.max_new_tokens, settings.ignore_eos, settings.do_sample = tokens, True, True
        settings.logprobs = 1
        handles = [
            pipeline.add_request(number, openvino.Tensor(np.asarray([prompt], dtype=np.int64)), settings)
            for number, prompt in enumerate(prompts)
        ]
        times: list[list[float]] = [[] for _ in prompts]
        while pipeline.has_non_finished_requests():
            pipeline.step()
            now = time.perf_counter()
            for handle, came in zip(handles, times, strict=True):
                while handle.can_read():
                    came += [now for output in handle.read().values() for _ in output.generated_ids]
        return times

    return answers


def raw_llama_cpp(folder: Path) -> Answers:
    """Ask llama.cpp's own server loop without HTTP, with its own shortcuts (half-precision cache, fast attention)."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(folder / "model-f16.gguf")
    settings.n_ctx, settings.n_parallel = CONTEXT * STREAMS, STREAMS
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = THREADS
    settings.verbosity, settings.warmup = -1, False
    server = xllamacpp.Server(settings)

    def one(prompt: Sequence[int], tokens: int, came: list[float]) -> None:
        body = {"prompt": list(prompt), "n_predict": tokens, "stream": True, "temperature": 1.0, "cache_prompt": False}

        def hear(chunk: Any) -> bool:
            made = chunk["usage"]["completion_tokens"] if "usage" in chunk else len(came) + 1
            came.extend([time.perf_counter()] * (made - len(came)))  # tokens inside a character are told with the last
            return False

        server.handle_completions({**body, "ignore_eos": True}, hear)

    return lambda prompts, tokens: together(one, prompts, tokens)


def by_transformers(folder: Path) -> Answers:
    """Generate one batch with transformers in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(THREADS)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    class Clock:
        def __init__(self) -> None:
            self.times: list[float] = []

        def put(self, value: Any) -> None:
            self.times.append(time.perf_counter())

        def end(self) -> None:
            pass

    def answers(prompts: Sequence[Sequence[int]], tokens: int) -> list[list[float]]:
        rows = torch.tensor([list(prompt) for prompt in prompts])
        clock = Clock() if len(prompts) == 1 else None
        model.generate(
            rows,
            attention_mask=torch.ones_like(rows),
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            do_sample=True,
            streamer=clock,
        )
        end = time.perf_counter()
        return [clock.times[1:]] if clock is not None else [[end] * tokens for _ in prompts]

    return answers


def supervised_openvino(folder: Path) -> Answers:
    """Ask our engine in its child, one thread for each stream."""
    from ingot.infer import supervised
    from ingot.infer.sampling import SamplingParams

    engine = supervised.Engine("openvino", folder, THREADS)
    params = SamplingParams(temperature=1.0, seed=0)

    def one(prompt: Sequence[int], tokens: int, came: list[float]) -> None:
        for _ in engine.generate(prompt, replace(params, max_tokens=tokens)):
            came.append(time.perf_counter())

    return lambda prompts, tokens: together(one, prompts, tokens)


def through_http(
    kind: str, path: str, ask: Callable[[Sequence[int], int], dict[str, Any]]
) -> Callable[[Path], Answers]:
    """Stream answers from a server, one connection for each; a chunk tells when its tokens came."""

    def opened(folder: Path) -> Answers:
        sizes = map(str, (THREADS, STREAMS, CONTEXT))
        command = [sys.executable, "-m", "benchmarks.engine_server", kind, str(folder), *sizes]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        atexit.register(server.kill)
        assert server.stdout is not None
        port = int(server.stdout.readline())

        async def one(prompt: Sequence[int], tokens: int) -> list[float]:
            connection = Connection(port)  # a new one each time: llama.cpp's server closes what it promised to keep
            status, chunks = await connection.begin(path, ask(prompt, tokens))
            assert status == 200, status
            came: list[float] = []
            async for chunk in chunks:
                now, text = time.perf_counter(), chunk.decode()
                # Tokens inside a character are told with the last of them; the end says how many there were.
                made = max((int(found) for found in _MADE.findall(text)), default=len(came) + _has_token(text))
                came += [now] * (made - len(came))
            connection.close()
            return came

        async def every(prompts: Sequence[Sequence[int]], tokens: int) -> list[list[float]]:
            return list(await asyncio.gather(*(one(prompt, tokens) for prompt in prompts)))

        loop = asyncio.new_event_loop()
        return lambda prompts, tokens: loop.run_until_complete(every(prompts, tokens))

    return opened


def _has_token(text: str) -> bool:
    return "data: {" in text


def ask_ingot(prompt: Sequence[int], tokens: int) -> dict[str, Any]:
    """Return the body of a request to our server."""
    settings = {"temperature": 1.0, "seed": 0, "stream": True, "stream_options": {"include_usage": True}}
    return {"model": "acme", "prompt": list(prompt), "max_tokens": tokens, **settings}


def ask_llama_cpp(prompt: Sequence[int], tokens: int) -> dict[str, Any]:
    """Return the body of a request to llama.cpp's server."""
    settings = {"temperature": 1.0, "seed": 0, "stream": True, "cache_prompt": False, "ignore_eos": True}
    return {"prompt": list(prompt), "n_predict": tokens, **settings}


def together(
    one: Callable[[Sequence[int], int, list[float]], None], prompts: Sequence[Sequence[int]], tokens: int
) -> list[list[float]]:
    """Answer every prompt in a thread of its own."""
    times: list[list[float]] = [[] for _ in prompts]
    threads = [
        threading.Thread(target=one, args=(prompt, tokens, came)) for prompt, came in zip(prompts, times, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


SIDES: dict[str, Callable[[Path], Answers]] = {
    "raw OpenVINO": raw_openvino,
    "OpenVINO engine, supervised": supervised_openvino,
    OURS: through_http("ingot:openvino", "/v1/completions", ask_ingot),
    OURS_LLAMA: through_http("ingot:llamacpp", "/v1/completions", ask_ingot),
    "raw llama.cpp": raw_llama_cpp,
    THEIRS: through_http("llama.cpp", "/completion", ask_llama_cpp),
    "transformers": by_transformers,
}


def answer_rounds(side: str, folder: Path, is_quick: bool) -> None:
    """Open one side, and for each number of a round read, print its rates and its processor time for 1,000 tokens."""
    answers = SIDES[side](folder)
    tokens, alone = (count // 4 if is_quick else count for count in (ANSWER_TOKENS, ALONE_TOKENS))
    answers(_prompts(folder, 0)[:2], 4)  # what is prepared on first use is not counted
    print("open", flush=True)
    for number in map(int, sys.stdin):
        prompts = _prompts(folder, 2 * number)  # never the same again: what was read before would not be read
        begin, used = time.perf_counter(), _processor_seconds()
        times = answers(prompts, tokens)
        made = sum(map(len, times))
        told = {"eight": made / (max(map(max, times)) - begin), "cpu": 1000 * (_processor_seconds() - used) / made}
        came = answers(_prompts(folder, 2 * number + 1)[:1], alone)[0]
        print(json.dumps({**told, "single": (len(came) - 1) / (came[-1] - came[0])}), flush=True)


def _prompts(folder: Path, seed: int) -> list[list[int]]:
    from ingot.tokenizer.codec import Codec

    vocabulary = Codec.load(folder).vocabulary
    random = np.random.default_rng(seed)
    return [random.integers(300, vocabulary, PROMPT_TOKENS).tolist() for _ in range(STREAMS)]


def _processor_seconds() -> float:
    here = psutil.Process()
    # A side that is a server has it below: the client does not count.
    times = [process.cpu_times() for process in here.children(recursive=True) or (here,)]
    return float(sum(one.user + one.system for one in times))


def figures(told: dict[str, dict[str, list[float]]], is_quick: bool) -> Iterator[Figure]:
    """Say every figure; a quick run, on a model too small to tell, holds none of them to its goal."""

    def rate(side: str, kind: str) -> float:
        values = sorted(told[side][kind])
        return values[len(values) // 2]

    def judged(holds: bool) -> bool | None:
        return None if is_quick else holds

    for kind, name in (("eight", "8 streams"), ("single", "single stream decode")):
        for side in told:
            yield Figure(f"{name}: {side}", rate(side, kind), "tokens/s", "", None)
        best = max(rate(side, kind) for side in ("raw OpenVINO", "raw llama.cpp"))
        for side in ("OpenVINO engine, supervised", OURS):
            share = rate(side, kind) / rate("raw OpenVINO", kind)
            yield Figure(f"{name}: {side} / raw OpenVINO", share, "", "", None)
        # The engine that a model is served with is measured when it is packaged; one stream may be faster on another.
        share = max(rate(OURS, kind), rate(OURS_LLAMA, kind)) / best
        yield Figure(f"{name}: best of ours / best raw engine", share, "", "at least 0.95", judged(share >= 0.95))
    for peer in ("transformers", THEIRS):
        share = rate(OURS, "eight") / rate(peer, "eight")
        yield Figure(f"8 streams: {OURS} / {peer}", share, "", "at least 2.5", judged(share >= 2.5))
    for side, values in told.items():
        yield Figure(f"energy: {side}", statistics.mean(values["cpu"]), "CPU-seconds per 1,000 tokens", "", None)
    bound = upper([ours / theirs for ours, theirs in zip(told[OURS]["cpu"], told[THEIRS]["cpu"], strict=True)])
    yield Figure(f"energy: {OURS} / {THEIRS}, upper 95% bound", bound, "", "at most 0.7", judged(bound <= 0.7))


def upper(values: Sequence[float]) -> float:
    """Return the upper 95% bound of a mean; of a single value, the value."""
    if len(values) < ROUNDS:
        return max(values)
    return float(statistics.mean(values) + _T_95 * statistics.stdev(values) / len(values) ** 0.5)


def main() -> None:
    """Make the model, run every side in a process of its own, and publish."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small model and one round: does it still run?")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help="a folder made by an earlier run")
    options = parser.parse_args()
    if options.side:
        answer_rounds(options.side, options.model, options.quick)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.model or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "model-f16.gguf").exists():
            make_model(folder, options.quick)
        told = interleaved(folder, options.quick)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    details = {"is_quick": options.quick, "told": told, "threads": THREADS, "model": config}
    publish("serve_engines", figures(told, options.quick), details)


def interleaved(folder: Path, is_quick: bool) -> dict[str, dict[str, list[float]]]:
    """Let every side answer once a round; return what each told, one value a round. An idle side waits for its line."""
    with contextlib.ExitStack() as stack:
        opened = {side: stack.enter_context(_opened(side, folder, is_quick)) for side in SIDES}
        told: dict[str, dict[str, list[float]]] = {side: {"eight": [], "single": [], "cpu": []} for side in SIDES}
        for number in range(1, 1 + (QUICK_ROUNDS if is_quick else ROUNDS)):
            for side, ask in opened.items():
                found = ask(number)
                for kind, values in told[side].items():
                    values.append(found[kind])
                print(number, side, {kind: round(value, 2) for kind, value in found.items()}, file=sys.stderr)
    return told


@contextlib.contextmanager
def _opened(side: str, folder: Path, is_quick: bool) -> Iterator[Callable[[int], dict[str, float]]]:
    command = [sys.executable, "-m", "benchmarks.serve_engines", "--side", side, "--model", str(folder)]
    command += ["--quick"] if is_quick else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        into, out = child.stdin, child.stdout
        while (line := out.readline()) != "open\n":  # libraries say this and that while they open a model
            if not line:
                raise RuntimeError(f"{side} ended before it was open")

        def ask(number: int) -> dict[str, float]:
            print(number, file=into, flush=True)
            found: dict[str, float] = json.loads(out.readline())
            return found

        yield ask
        into.close()  # at the end of its input it ends


if __name__ == "__main__":
    main()
