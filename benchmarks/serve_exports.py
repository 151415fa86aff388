"""Does every export answer like the trained model, and would the certificate notice if it did not?

A small model of each dense layout is trained here (or a home with one is given) and exported to every target and type
with `ingot export`, whose certificate asks llama.cpp, OpenVINO, ONNX Runtime and transformers. Beside them two exports
that load without an error and are wrong: rows of the queries in another order, and another rule for words. The
certificate must find both.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.report import Figure, publish
from benchmarks.spine_export import trained
from ingot.core.storage import folder_bytes
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.lineage import ancestors
from ingot.infer.config import ExportConfig
from ingot.infer.exporters import gguf
from ingot.infer.exporting import examination, examine, exporter, write
from ingot.infer.reader import open_reader

TARGETS = (
    *(("gguf", kind) for kind in ("f32", "f16", "q8_0", "q4_K")),
    *(("huggingface", kind) for kind in ("f32", "bf16", "f16")),
    *(("openvino", kind) for kind in ("f16", "q8_0", "q4_K")),
    ("onnx", "f32"),
)
gguf_exporter: Any = gguf  # what it imports is replaced below
QUICK_TARGETS = (("gguf", "q8_0"), ("huggingface", "f32"))
TOKENISED_BYTES = 1_000_000  # for the controls; `ingot export` always takes ten times that


def exported(home: Path, name: str, to: str, kind: str) -> tuple[int, str]:
    """Export with the command; return its exit code and what it said."""
    command = [str(Path(sys.executable).with_name("ingot")), "export", name, "--to", to, "--type", kind]
    done = subprocess.run([*command, "--home", str(home), "--json"], capture_output=True, text=True, check=False)
    print(done.stdout[-400:], done.stderr[-400:], file=sys.stderr)
    return done.returncode, done.stdout.splitlines()[-1] if done.stdout else done.stderr


def figures_of_export(home: Path, name: str, to: str, kind: str) -> Iterator[Figure]:
    """Export once and tell what the certificate measured; a refusal before work is a figure, too."""
    code, said = exported(home, name, to, kind)
    what = f"{name} to {to} {kind}"
    if code:
        refused = json.loads(said).get("what", said) if said.startswith("{") else said
        is_early = "blocks of" in refused
        yield Figure(f"{what}: refused ({refused})", None, "", "refused before work, or passes", is_early or False)
        return
    made = Home(home).get(f"{name}-{to}-{kind}")
    facts, certificate = made.facts, json.loads((made.path / "certificate.json").read_text(encoding="utf-8"))
    limits, tokenisation = certificate["limits"], certificate["tokenisation"]
    mean, delta = facts["mean_difference"], facts["delta_bits_per_byte"]
    yield Figure(f"{what}: log-probabilities, mean difference", mean, "nats", f"<= {limits['mean']:g}", True)
    if "largest" in limits:
        largest = facts["largest_difference"]
        yield Figure(f"{what}: log-probabilities, largest difference", largest, "nats", "< 1e-3", largest < 1e-3)
    yield Figure(f"{what}: bits per byte, change", delta, "bits/byte", f"<= {limits['bits_per_byte']:g}", True)
    yield Figure(f"{what}: equal greedy tokens", facts["equal_tokens"], f"of {facts['tokens']}", "or undecided", True)
    differing = tokenisation["documents"]["differing"]
    size = facts["tokenised_bytes"] / 1e6
    yield Figure(
        f"{what}: documents tokenised differently", differing, f"texts, {size:.0f} MB in all", "0", not differing
    )
    yield Figure(f"{what}: size", folder_bytes(made.path) / 1e6, "MB", "beside it", None)
    yield Figure(f"{what}: with certificate, in", made.record.seconds, "s", "beside it", None)


def figures_of_controls(model: Artifact, dataset: Artifact, scratch: Path) -> Iterator[Figure]:
    """Write exports that are wrong, and ask whether the certificate says so."""
    read = gguf_exporter.read_token_table
    wrong = {
        "another rule for words": ("read_token_table", lambda *of: replace(read(*of), pre_tokenizer="gpt-2")),
        "rows in the wrong order": ("interleave", lambda weight, heads: weight),
    }
    if not model.facts["layout"].startswith("mi"):
        del wrong["rows in the wrong order"]  # it has no such order
    for title, (name, replaced) in wrong.items():
        for kind in ("f32", "q8_0"):
            config = ExportConfig("gguf", kind, tokenised_bytes=TOKENISED_BYTES)
            folder = scratch / f"{model.name}-{name}-{kind}"
            folder.mkdir()
            with patch.object(gguf_exporter, name, replaced):
                write(exporter(config.to, kind), kind, model.path, folder, model.name)
            with closing(open_reader(gguf_exporter.READER, folder)) as reader:
                faults = examination(config, examine(config, model.path, dataset.path), reader)["faults"]
            print(title, kind, faults, file=sys.stderr)
            yield Figure(f"{model.name} {kind}, {title}: faults found", len(faults), "", ">= 1", bool(faults))


def figures_of(home: Path, name: str, targets: tuple[tuple[str, str], ...], scratch: Path) -> list[Figure]:
    """Measure one model of a home."""
    model = Home(home).get(name)
    dataset = [one for one in ancestors(Home(home), model) if one.kind == "Dataset"][-1]
    figures = [figure for to, kind in targets for figure in figures_of_export(home, name, to, kind)]
    return [*figures, *figures_of_controls(model, dataset, scratch)]


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one model trained for a moment, two targets")
    parser.add_argument("--home", type=Path, help="a home with trained models, instead of training")
    parser.add_argument("--models", nargs="*", default=[], help="which models of that home")
    chosen = parser.parse_args()
    targets = QUICK_TARGETS if chosen.quick else TARGETS
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as scratch:
        home, names = chosen.home, chosen.models
        if home is None:
            home, names = Path(scratch) / "home", ["mistral"] if chosen.quick else ["mistral", "qwen3"]
            for layout in names:
                trained(home, layout, chosen.quick)
        for name in names:
            figures += figures_of(home, name, targets, Path(scratch))
        sizes = {name: dict(Home(home).get(name).facts) for name in names}
    details: dict[str, Any] = {"is_quick": chosen.quick, "models": sizes, "given": chosen.home is not None}
    publish("serve_exports", figures, details)


if __name__ == "__main__":
    main()
