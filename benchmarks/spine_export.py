"""Does the exported model answer like the trained one? Against transformers in full precision, token by token.

A small model of each layout is trained here (or one is given), because drawn weights hide export mistakes.
transformers, llama.cpp and our engines then continue the same texts greedily; counted are the tokens that are equal,
and the largest difference of a log-probability as long as they are. llama.cpp lives in an environment of its own, made
on the first run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from benchmarks.corpus import small_part, standard_library
from benchmarks.report import Figure, publish
from ingot.core.errors import MissingExtraError
from ingot.infer.engine import build
from ingot.infer.exporters.gguf import Config, export
from ingot.infer.sampling import GREEDY
from ingot.model.convert import read_config
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec

PEER = "xllamacpp==2026.10.11549"
TOKENS, PROMPT_TOKENS = 32, 48
LAYOUTS = ("qwen3", "mistral")
SIZES = ("--width", "128", "--layers", "4", "--vocabulary", "2048", "--steps", "400")
QUICK_SIZES = ("--width", "64", "--layers", "2", "--vocabulary", "512", "--steps", "60")
LARGEST_DIFFERENCE = 1e-3
DEFAULTS = " with its own shortcuts"  # half-precision cache, fast attention: no fault of the file
ALL = ", attention too"  # what OpenVINO reads; beside it, because llama.cpp's own rounding is judged above
ATTEMPTS = 4  # llama.cpp's server was seen to end in the middle of an answer
# Files the models are not trained on, beginnings of which they continue.
TEXTS = ("argparse.py", "ast.py", "calendar.py", "csv.py", "heapq.py", "pathlib.py", "shutil.py", "zipfile.py")


@dataclass(frozen=True)
class Answer:
    """What a program said: token ids and their log-probabilities."""

    ids: list[int]
    logprobs: list[float]


def trained(folder: Path, layout: str, is_quick: bool) -> Path:
    """Train a small model and return its folder."""
    sizes = QUICK_SIZES if is_quick else SIZES
    command = [str(Path(sys.executable).with_name("ingot")), "build", *small_part(), "--name", layout]
    subprocess.run([*command, "--home", str(folder), "--layout", layout, *sizes], check=True, stdout=sys.stderr)
    return folder / "artifacts" / layout / "1"


def prompts(codec: Codec) -> list[list[int]]:
    """Return the beginnings of texts, as ids."""
    texts = [path.read_text(encoding="utf-8") for name in TEXTS if (path := standard_library() / name).is_file()]
    return [[codec.bos, *codec.encode(text[:2000])][:PROMPT_TOKENS] for text in texts]


def by_transformers(folder: Path, questions: Sequence[Sequence[int]], ends: Iterable[int]) -> Iterator[Answer]:
    """Answer with transformers in float32, the side everything else is compared with."""
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for question in questions:
        said = model.generate(
            torch.tensor([list(question)]),
            attention_mask=torch.ones(1, len(question), dtype=torch.long),
            max_new_tokens=TOKENS,
            do_sample=False,
            eos_token_id=sorted(ends),
            output_logits=True,
            return_dict_in_generate=True,
        )
        ids = said.sequences[0, len(question) :].tolist()
        rows = [torch.log_softmax(row[0].double(), -1) for row in said.logits]
        yield Answer(ids, [float(row[token]) for row, token in zip(rows, ids, strict=True)])


def by_engine(name: str, folder: Path, questions: Sequence[Sequence[int]]) -> Iterator[Answer]:
    """Answer with one of our engines."""
    engine = build(name, folder)
    for question in questions:
        tokens = list(engine.generate(question, replace(GREEDY, max_tokens=TOKENS)))
        yield Answer([token.id for token in tokens], [token.logprob or 0.0 for token in tokens])
    engine.close()


def by_llama_cpp(
    python: Path, file: Path, context: int, questions: Sequence[Sequence[int]], arithmetic: str
) -> list[Answer]:
    """Answer with llama.cpp, started again when it ends early."""
    child = Path(__file__).with_name("llama_cpp_child.py")
    command = [str(python), str(child), str(file), str(context), str(TOKENS), arithmetic]
    for attempt in range(1, ATTEMPTS + 1):
        done = subprocess.run(command, input=json.dumps(questions), capture_output=True, text=True, timeout=600)
        if done.returncode == 0:
            return [Answer(**one) for one in json.loads(done.stdout)]
        print(f"llama.cpp ended early (attempt {attempt}): {done.stderr[-300:]}", file=sys.stderr)
    sys.exit(f"llama.cpp did not answer in {ATTEMPTS} attempts")


def peer_python(folder: Path) -> Path:
    """Return the interpreter of llama.cpp's environment, made if it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True, stdout=sys.stderr)
    return python


def compare(said: Sequence[Answer], expected: Sequence[Answer]) -> tuple[int, float]:
    """Return how many tokens are equal before the first that is not, and the largest difference among them."""
    equal, largest = 0, 0.0
    for one, other in zip(said, expected, strict=True):
        for place, (own, its) in enumerate(zip(one.ids, other.ids, strict=False)):
            if own != its:
                break
            equal += 1
            largest = max(largest, abs(one.logprobs[place] - other.logprobs[place]))
    return equal, largest


def answers_of_all(
    model: Path, layout: str, python: Path, questions: Sequence[Sequence[int]], scratch: Path
) -> Iterator[tuple[str, list[Answer]]]:
    """Yield the name of each program and file, and what it said; the files are exported here, from the weights."""
    folder = Path(shutil.copytree(model, scratch / layout))
    context = read_config(model).context
    f32, f16, mixed = (folder / f"model-{kind}.gguf" for kind in ("f32", "f16", "mixed"))
    export(folder, f32, Config("f32"))
    export(folder, f16, Config("f16"))
    export(folder, mixed, Config("f16", "f32"))
    yield f"{layout}, our torch engine", list(by_engine("torch", folder, questions))
    try:
        yield f"{layout}, OpenVINO on f16", list(by_engine("openvino", folder, questions))
    except MissingExtraError as missing:
        print(missing, file=sys.stderr)
    yield f"{layout}, llama.cpp on f32", by_llama_cpp(python, f32, context, questions, "exact")
    if layout == "mistral":  # without qk-norm: see exporters/gguf
        yield f"{layout}, llama.cpp on f16, attention f32", by_llama_cpp(python, mixed, context, questions, "exact")
        yield f"{layout}, llama.cpp on f16{ALL}", by_llama_cpp(python, f16, context, questions, "exact")
    else:
        yield f"{layout}, llama.cpp on f16", by_llama_cpp(python, f16, context, questions, "exact")
    yield f"{layout}, llama.cpp on f16{DEFAULTS}", by_llama_cpp(python, f16, context, questions, "default")


def figures_of(model: Path, layout: str, python: Path, scratch: Path) -> Iterator[Figure]:
    """Compare every program with transformers on one model."""
    codec = Codec.load(model)
    questions = prompts(codec)
    expected = list(by_transformers(model, questions, stop_ids(codec)))
    total = sum(len(answer.ids) for answer in expected)
    for name, said in answers_of_all(model, layout, python, questions, scratch):
        equal, largest = compare(said, expected)
        is_judged = not name.endswith((DEFAULTS, ALL))
        goals = (str(total), "< 1e-3") if is_judged else ("beside it", "beside it")
        same, close = (equal == total, largest < LARGEST_DIFFERENCE) if is_judged else (None, None)
        yield Figure(f"{name}: equal greedy tokens", equal, f"of {total}", goals[0], same)
        yield Figure(f"{name}: largest log-probability difference", largest, "nats", goals[1], close)


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one layout, trained for a moment")
    parser.add_argument("--model", type=Path, help="a packaged model's folder, instead of training")
    cache = Path.home() / ".cache" / "ingot-benchmarks" / PEER.replace("==", "-")
    parser.add_argument("--peer", type=Path, default=cache, help="where llama.cpp's environment is or is made")
    chosen = parser.parse_args()
    python = peer_python(chosen.peer)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as scratch:
        if chosen.model:
            layout = "qwen3" if read_config(chosen.model).has_qk_norm else "mistral"
            figures += figures_of(chosen.model, layout, python, Path(scratch))
        for layout in () if chosen.model else LAYOUTS[:1] if chosen.quick else LAYOUTS:
            model = trained(Path(scratch) / "home", layout, chosen.quick)
            figures += figures_of(model, layout, python, Path(scratch))
    trained_as = "given" if chosen.model else " ".join(QUICK_SIZES if chosen.quick else SIZES)
    details = {"is_quick": chosen.quick, "model": trained_as, "peer": PEER, "texts": TEXTS}
    publish("spine_export", figures, details)


if __name__ == "__main__":
    main()
