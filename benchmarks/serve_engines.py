"""What do our engines cost over the libraries they stand on? Eight streams, one stream, and processor time.

A model of 300 M parameters with drawn weights is made in a temporary folder and exported. Every side then runs in a
process of its own, on the same file and the same prompts: the library driven as directly as it allows, our engine in
process, and our engine in its supervised child. Prompts are 256 tokens, answers 48, drawn at temperature 1; the rate of
eight streams counts the reading of the prompts, that of one stream does not. transformers reads the folder the file was
made from, in float32, as one batch. What goes through HTTP is measured elsewhere.
"""

from __future__ import annotations

import argparse
import json
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
from benchmarks.report import Figure, publish
from ingot.core.hardware import usable_cores

STREAMS, PROMPT_TOKENS, ANSWER_TOKENS = 8, 256, 48
THREADS = min(2, usable_cores())
ROUNDS, QUICK_ROUNDS = 5, 1
# A bound on the mean of five values: Student's t for 4 degrees of freedom, one-sided 95%.
_T_95 = 2.132
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
        vocabulary=codec.vocabulary, has_qk_norm=False, has_tied_embeddings=False, context=1024, **sizes
    )
    save(Decoder(config), folder, SpecialTokens(codec.bos, (codec.eos, codec.end_of_turn), codec.pad))
    export(folder, folder / "model-f16.gguf", Config())


def raw_openvino(folder: Path) -> Answers:
    """Step OpenVINO's batch in a loop and read what came: nothing between it and the figures."""
    from ingot.infer.engines import openvino

    engine: Any = openvino.Engine(folder, openvino.Config(threads=THREADS))
    genai, pipeline, tensor = engine._genai, engine._pipeline, engine._tensor

    def answers(prompts: Sequence[Sequence[int]], tokens: int) -> list[list[float]]:
        settings = genai.GenerationConfig()
        settings.max_new_tokens, settings.ignore_eos, settings.do_sample = tokens, True, True
        settings.logprobs = 1
        handles = [
            pipeline.add_request(number, tensor(np.asarray([prompt], dtype=np.int64)), settings)
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
    settings.n_ctx, settings.n_parallel = 1024 * STREAMS, STREAMS
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


def ours(name: str, is_supervised: bool) -> Callable[[Path], Answers]:
    """Ask our engine, one thread for each stream, as the gateway does."""

    def opened(folder: Path) -> Answers:
        from ingot.core.plugins import load
        from ingot.infer import supervised
        from ingot.infer.sampling import SamplingParams

        plugin = load("engine", name)
        options: dict[str, Any] = {"slots": STREAMS, "precision": "f16"} if name == "llamacpp" else {}
        engine: Any = (
            supervised.Engine(name, folder, THREADS)
            if is_supervised
            else plugin.entry(folder, plugin.config_type(threads=THREADS, **options))
        )
        params = SamplingParams(temperature=1.0, seed=0)

        def one(prompt: Sequence[int], tokens: int, came: list[float]) -> None:
            for _ in engine.generate(prompt, replace(params, max_tokens=tokens)):
                came.append(time.perf_counter())

        return lambda prompts, tokens: together(one, prompts, tokens)

    return opened


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
    "OpenVINO engine": ours("openvino", is_supervised=False),
    "OpenVINO engine, supervised": ours("openvino", is_supervised=True),
    "raw llama.cpp": raw_llama_cpp,
    "llama.cpp engine": ours("llamacpp", is_supervised=False),
    "transformers": by_transformers,
}


def measure(side: str, folder: Path, rounds: int, is_quick: bool) -> dict[str, list[float]]:
    """Open one side and return its rates, and its processor time for 1,000 tokens, one value a round."""
    answers = SIDES[side](folder)
    prompts = _prompts(folder)
    tokens = ANSWER_TOKENS // 4 if is_quick else ANSWER_TOKENS
    answers(prompts[:2], 4)  # what is prepared on first use is not counted
    told: dict[str, list[float]] = {"eight": [], "single": [], "cpu": []}
    for _ in range(rounds):
        begin, used = time.perf_counter(), _processor_seconds()
        times = answers(prompts, tokens)
        made = sum(map(len, times))
        told["eight"].append(made / (max(map(max, times)) - begin))
        told["cpu"].append(1000 * (_processor_seconds() - used) / made)
        came = answers(prompts[:1], tokens)[0]
        told["single"].append((len(came) - 1) / (came[-1] - came[0]))
    return told


def _prompts(folder: Path) -> list[list[int]]:
    from ingot.tokenizer.codec import Codec

    vocabulary = Codec.load(folder).vocabulary
    random = np.random.default_rng(1)
    return [random.integers(300, vocabulary, PROMPT_TOKENS).tolist() for _ in range(STREAMS)]


def _processor_seconds() -> float:
    here = psutil.Process()
    times = [process.cpu_times() for process in (here, *here.children())]
    return float(sum(one.user + one.system for one in times))


def figures(told: dict[str, dict[str, list[float]]], is_quick: bool) -> Iterator[Figure]:
    """Say every figure; a quick run, on a model too small to tell, holds none of them to its goal."""

    def rate(side: str, kind: str) -> float:
        values = sorted(told[side][kind])
        return values[len(values) // 2]

    def judged(holds: bool) -> bool | None:
        return None if is_quick else holds

    raw = ("raw OpenVINO", "raw llama.cpp")
    for kind, name in (("eight", "8 streams"), ("single", "single stream decode")):
        for side in told:
            yield Figure(f"{name}: {side}", rate(side, kind), "tokens/s", "", None)
        best = max(rate(side, kind) for side in raw)
        for side in ("OpenVINO engine", "OpenVINO engine, supervised"):
            share = rate(side, kind) / rate("raw OpenVINO", kind)
            yield Figure(f"{name}: {side} / raw OpenVINO", share, "", "at least 0.95", judged(share >= 0.95))
        share = rate("llama.cpp engine", kind) / rate("raw llama.cpp", kind)
        yield Figure(f"{name}: llama.cpp engine / raw llama.cpp", share, "", "at least 0.95", judged(share >= 0.95))
        share = max(rate(side, kind) for side in told if side.endswith(("engine", "supervised"))) / best
        yield Figure(f"{name}: best of ours / best raw engine", share, "", "at least 0.95", judged(share >= 0.95))
    for peer in ("transformers", "raw llama.cpp"):
        share = rate("OpenVINO engine, supervised", "eight") / rate(peer, "eight")
        yield Figure(f"8 streams: supervised / {peer}", share, "", "at least 2.5", judged(share >= 2.5))
    for side, values in told.items():
        yield Figure(f"energy: {side}", statistics.mean(values["cpu"]), "CPU-seconds per 1,000 tokens", "", None)
    bound = upper(told["OpenVINO engine, supervised"]["cpu"]) / statistics.mean(told["raw llama.cpp"]["cpu"])
    yield Figure("energy: supervised / raw llama.cpp, upper 95% bound", bound, "", "at most 0.7", judged(bound <= 0.7))
    for name in ("speculative decoding", "time to first token on a repeated prefix", "through HTTP"):
        yield Figure(name, None, "", "measured elsewhere", None)


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
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    if options.side:
        print(json.dumps(measure(options.side, options.model, rounds, options.quick)), flush=True)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.model or Path(scratch)
        if not (folder / "model-f16.gguf").exists():
            make_model(folder, options.quick)
        told = {side: _run(side, folder, options.quick) for side in SIDES}
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    details = {"is_quick": options.quick, "rounds": rounds, "told": told, "threads": THREADS, "model": config}
    publish("serve_engines", figures(told, options.quick), details)


def _run(side: str, folder: Path, is_quick: bool) -> dict[str, list[float]]:
    command = [sys.executable, "-m", "benchmarks.serve_engines", "--side", side, "--model", str(folder)]
    command += ["--quick"] if is_quick else []
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=3600)
    told: dict[str, list[float]] = json.loads(said.stdout.strip().splitlines()[-1])
    print(side, {kind: [round(value, 2) for value in values] for kind, values in told.items()}, file=sys.stderr)
    return told


if __name__ == "__main__":
    main()
