"""The step that turns a checkpoint into a model: a folder every tool opens, certified and described."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError, MissingExtraError, StepError
from ingot.core.hardware import machine
from ingot.core.plugins import load, names
from ingot.core.storage import room_on_disk, sha256_file, write_atomically
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.lineage import ancestors
from ingot.flow.step import Facts, StepContext
from ingot.infer.config import PackageConfig
from ingot.infer.engine import CERTIFICATE_FILE, REFERENCE_ENGINE, Engine, build
from ingot.infer.exporters.gguf import Config as GgufConfig
from ingot.infer.exporters.gguf import export
from ingot.infer.parity import Answer, Comparison, answers, compare, mixed_texts
from ingot.infer.template import write_template
from ingot.model.convert import read_config
from ingot.registry.card import Card, write_card
from ingot.tokenizer.codec import Codec

MODEL_FILE = "model-f16.gguf"
CARD_FILE = "README.md"
_SAMPLES_FILE = "samples.json"
# What belongs to a model; a checkpoint also holds what training needs to go on.
_TAKEN = (
    *("config.json", "generation_config.json", "model*.safetensors", "model.safetensors.index.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"),
)
# Beside bits per byte.
_FIGURES = (
    *("interval", "valid_loss", "valid_accuracy"),
    *("preference_accuracy", "preference_accuracy_interval", "preference_margin"),
    *("reward", "reward_interval", "reward_before"),
)
_LONGEST_PROMPT = 48  # tokens; short enough for the smallest context, long enough to mean something


def package(config: PackageConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Copy the checkpoint's model, export it, certify every engine installed here, and write the model card.

    Without an input `report` the figures are those the training ended with.
    """
    context.emit("note", text="copying and exporting the model")
    for source in (inputs["checkpoint"], inputs["tokenizer"]):
        take(source.path, context.folder)
    framing = write_template(context.folder) if config.kind == "chat" else {}
    name = inputs["checkpoint"].name.removesuffix("-checkpoint")
    _export(context, name)
    certificate = certify(config, context, opening_texts(inputs["report"].path) if "report" in inputs else [])
    figures = inputs.get("report", inputs["checkpoint"]).facts
    facts = {**_facts(config, context.folder, certificate, figures), **framing}
    card = Card(name, facts, figures, _ancestors(inputs.values()))
    write_atomically(context.folder / CARD_FILE, write_card(card))
    return facts


def _export(context: StepContext, name: str) -> None:
    """Write the GGUF file; say so where it cannot hold the model, whose folder is complete without it."""
    try:
        export(context.folder, context.folder / MODEL_FILE, GgufConfig(name=name))
    except InputError as error:
        context.emit("note", text=f"no GGUF file beside this model: {error.what}; it runs on {REFERENCE_ENGINE}")


def take(source: Path, target: Path, patterns: Sequence[str] = _TAKEN) -> None:
    """Bring a model's files into a folder: as a second name where the disk allows it, else as a copy."""
    with room_on_disk(target):
        for path in (path for pattern in patterns for path in source.glob(pattern)):
            if (target / path.name).exists():
                continue
            try:
                os.link(path, target / path.name)
            except OSError:
                shutil.copyfile(path, target / path.name)


def certify(config: PackageConfig, context: StepContext, texts: Sequence[str]) -> dict[str, Any]:
    """Compare every installed engine with the reference, choose one, and write the certificate."""
    with closing(build(REFERENCE_ENGINE, context.folder, context.cores)) as reference:
        prompts = _prompts(texts, reference.codec, reference.context - config.tokens, config.prompts)
        expected = answers(reference, prompts, config.tokens)
        compared = {REFERENCE_ENGINE: compare(reference, expected, config.tokens)}
    for engine in _others(context):
        with closing(engine):
            compared[engine.name] = compare(engine, expected, config.tokens)
        if not compared[engine.name].agrees:
            text = f"the {engine.name} engine does not give the model's own tokens: it will not be used"
            context.emit("warning", text=text)
    certificate = _certificate(context.folder, choose(config.engine, compared), compared, expected)
    write_atomically(context.folder / CERTIFICATE_FILE, json.dumps(certificate, indent=1) + "\n")
    return certificate


def choose(preference: str, compared: Mapping[str, Comparison]) -> str:
    """Return the fastest engine that agrees with the reference, or the one asked for if it does, else StepError."""
    if preference == "auto":
        agreeing = {name: one.tokens_per_second for name, one in compared.items() if one.agrees}
        return max(agreeing, key=agreeing.__getitem__)
    if preference in compared and compared[preference].agrees:
        return preference
    problem = "does not give the model's own tokens" if preference in compared else "is not installed"
    raise StepError(
        f"the engine {preference!r} {problem}",
        where="package",
        why="a model is only served by an engine that answers like the trained model",
        fix="leave the engine at 'auto'",
    )


def opening_texts(report: Path) -> list[str]:
    """Return the openings of held-out documents that the report shows, if it shows any."""
    path = report / _SAMPLES_FILE
    if not path.exists():
        return []
    samples = json.loads(path.read_text(encoding="utf-8"))
    return [sample["prompt"] for sample in samples if sample.get("prompt")]


def _prompts(texts: Sequence[str], codec: Codec, room: int, count: int) -> list[list[int]]:
    length = max(1, min(_LONGEST_PROMPT, room))
    encoded = [[codec.bos, *codec.encode(text)][:length] for text in (*texts, *mixed_texts(codec))]
    return [[codec.bos], *encoded][:count]


def _others(context: StepContext) -> Iterator[Engine]:
    has_file = (context.folder / MODEL_FILE).exists()
    for name in names("engine"):
        if name == REFERENCE_ENGINE or not has_file:
            continue
        if load("engine", name).other("NEEDS_ACCELERATOR") and machine().accelerator is None:
            continue
        try:
            yield build(name, context.folder, context.cores)
        except MissingExtraError as missing:
            context.emit("note", text=f"{missing.what}, so it was not compared. To add it: {missing.fix}")
        except (InputError, RuntimeError, LookupError) as error:  # each engine's library fails in its own way
            context.emit("note", text=f"the {name} engine cannot open this model, so it was not compared: {error}")


def _certificate(
    folder: Path, engine: str, compared: Mapping[str, Comparison], expected: Sequence[Answer]
) -> dict[str, Any]:
    here = machine()
    return {
        "engine": engine,
        "engines": {name: asdict(comparison) for name, comparison in compared.items()},
        **({"file": MODEL_FILE, "sha256": sha256_file(folder / MODEL_FILE)} if (folder / MODEL_FILE).exists() else {}),
        "processor": here.processor,
        "platform": here.platform,
        "probe": {"prompt": list(expected[0].prompt), "tokens": expected[0].ids},
    }


def _ancestors(inputs: Iterable[Artifact]) -> list[Artifact]:
    """Return what the inputs descend from, themselves last; nothing where they lie outside a home folder."""
    found: dict[str, Artifact] = {}
    for artifact in inputs:
        home = Home(artifact.path.parents[2])
        if artifact.path == home.artifacts_path / artifact.name / str(artifact.version):
            found |= {other.reference: other for other in ancestors(home, artifact)}
    return list(found.values())


def _facts(config: PackageConfig, folder: Path, certificate: Mapping[str, Any], figures: Facts) -> dict[str, Any]:
    sizes = read_config(folder)
    engines = {
        name: {"agrees": one["agrees"], "tokens_per_second": one["tokens_per_second"]}
        for name, one in certificate["engines"].items()
    }
    scores = {key: value for key, value in figures.items() if key.endswith("bits_per_byte") or key in _FIGURES}
    return {
        "kind": config.kind,
        "engine": certificate["engine"],
        "engines": engines,
        "parameters": sizes.parameters,
        "vocabulary": sizes.vocabulary,
        "context": sizes.context,
        "layout": sizes.layout,
        **scores,
    }
