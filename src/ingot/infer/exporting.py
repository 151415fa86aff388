"""The step that writes a model for other programs, with a certificate, or not at all.

What the target would get silently wrong is refused before anything is written. What was written is then opened with the
program it is for and compared with the trained model (`certificate`); if that finds more than the type may lose, the
step fails with the figures and with the nearest type that passes, and nothing is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError, UsageError, suggest
from ingot.core.hardware import machine
from ingot.core.plugins import Plugin, load
from ingot.core.storage import write_atomically
from ingot.flow.artifact import Artifact
from ingot.flow.home import describe_files
from ingot.flow.step import Facts, StepContext
from ingot.infer.certificate import (
    FORMAT,
    LIMITS,
    Questions,
    compare_tokenisation,
    measure,
    questions,
    reads_control_names_as_text,
    tokenisation_faults,
)
from ingot.infer.config import ExportConfig
from ingot.infer.engine import CERTIFICATE_FILE
from ingot.infer.excerpts import documents, held_out, made_up
from ingot.infer.reader import Reader, open_reader, require
from ingot.infer.reference import Reference

_DRAWN_TEXTS, _DRAWN_TOKENS = 24, 256


@dataclass(frozen=True)
class _Examined:
    """The trained model with its answers, and the texts to compare on."""

    reference: Reference
    asked: Questions
    dataset: Path | None
    drawn: tuple[str, ...]


def export_model(config: ExportConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write the export and its certificate. Raises InputError when it would not answer like the trained model."""
    plugin = exporter(config.to, config.type)
    require(plugin.other("READER"))
    model, dataset = inputs["model"], inputs.get("dataset")
    name = model.name.removesuffix("-checkpoint")
    context.emit("note", text=f"writing {config.to} with {config.type} weights")
    write(plugin, config.type, model.path, context.folder, name)
    context.emit("note", text="comparing it with the trained model")
    examined = examine(config, model.path, dataset.path if dataset else None)
    with closing(open_reader(plugin.other("READER"), context.folder, context.cores)) as reader:
        found = examination(config, examined, reader)
    certificate = {
        **_subject(config, model, dataset, context.folder),
        **found,
        "limits": {name: value for name, value in asdict(LIMITS[config.type]).items() if value != float("inf")},
        "passes": not found["faults"],
    }
    if found["faults"]:
        raise _failed(config, plugin, model, examined, context, found["faults"])
    write_atomically(context.folder / CERTIFICATE_FILE, json.dumps(certificate, indent=1, ensure_ascii=False) + "\n")
    return _facts(certificate)


def exporter(to: str, kind: str) -> Plugin:
    """Return the exporter of a name. Raises UsageError when there is none, or none with such a type."""
    plugin = load("exporter", to)
    types = plugin.other("TYPES")
    if kind not in types:
        raise UsageError(f"{to} has no type {kind!r}", where="--type", fix=suggest(kind, types))
    return plugin


def write(plugin: Plugin, kind: str, model: Path, folder: Path, name: str) -> None:
    """Have an exporter write a model into a folder: files of its own names, or one file of this name."""
    suffix = plugin.other("SUFFIX")
    out = folder / f"{name}-{kind}{suffix}" if suffix else folder
    plugin.entry(model, out, plugin.config_type(type=kind, name=name))


def examine(config: ExportConfig, model: Path, dataset: Path | None) -> _Examined:
    """Ask the trained model; on documents it was held from, or, where there are none, on texts it draws itself."""
    reference = Reference(model)
    texts = list(held_out(dataset)) if dataset is not None else []
    length = min(_DRAWN_TOKENS, reference.context - 1)
    drawn = () if texts else tuple(reference.drawn(length, config.seed + n) for n in range(_DRAWN_TEXTS))
    asked = questions(reference, texts or drawn, config.prompts, config.tokens, config.evaluated_tokens)
    if not asked.expected:
        raise InputError(
            "there is no text to compare the export on",
            where=str(dataset or model),
            why="an export is only kept with a certificate, and a model that draws no text cannot be measured",
            fix="train the model again with more documents",
        )
    return _Examined(reference, asked, dataset, drawn)


def examination(config: ExportConfig, examined: _Examined, reader: Reader) -> dict[str, Any]:
    """Ask a reader everything, and return what was found, with what is wrong as `faults`."""
    reference = examined.reference
    found = measure(reader, examined.asked, LIMITS[config.type])
    half = config.tokenised_bytes // 2
    real = compare_tokenisation(reader, reference, documents(examined.dataset, examined.drawn, half))
    rest = config.tokenised_bytes - real.bytes
    unreal = compare_tokenisation(reader, reference, made_up(reference.words(), rest, config.seed))
    return {
        "reader": reader.program,
        **found,
        "tokenisation": {
            "documents": asdict(real),
            "made_up": asdict(unreal),
            "control_names_are_text": reads_control_names_as_text(reader, reference),
        },
        "faults": [*found["faults"], *tokenisation_faults(real, unreal)],
    }


def _subject(config: ExportConfig, model: Artifact, dataset: Artifact | None, folder: Path) -> dict[str, Any]:
    """Say what was compared with what, to the byte, and where."""
    weights = {name: entry.sha256 for name, entry in model.record.files.items() if name.endswith(".safetensors")}
    here = machine()
    return {
        "format": FORMAT,
        "to": config.to,
        "type": config.type,
        "trained": {"model": model.reference, "fingerprint": model.fingerprint, "files": weights},
        "files": {name: entry.sha256 for name, entry in describe_files(folder).items()},
        "texts": f"held-out documents of {dataset.reference}" if dataset else "drawn from the trained model itself",
        "processor": here.processor,
        "platform": here.platform,
    }


def _failed(
    config: ExportConfig,
    plugin: Plugin,
    model: Artifact,
    examined: _Examined,
    context: StepContext,
    faults: list[str],
) -> InputError:
    larger = plugin.other("TYPES")[plugin.other("TYPES").index(config.type) + 1 :]
    passing = next((kind for kind in larger if _passes(kind, plugin, model, examined, context)), None)
    return InputError(
        f"{config.to} with {config.type} weights does not answer like the trained model",
        where=model.reference,
        why="; ".join(faults),
        fix=f"export it with --type {passing}, which passes" if passing else "export it to another format",
    )


def _passes(kind: str, plugin: Plugin, model: Artifact, examined: _Examined, context: StepContext) -> bool:
    """Try another type, beside the folder that is being made."""
    context.emit("note", text=f"trying {kind}")
    folder = context.scratch / kind
    folder.mkdir(parents=True)
    try:
        write(plugin, kind, model.path, folder, model.name)
        with closing(open_reader(plugin.other("READER"), folder, context.cores)) as reader:
            return not measure(reader, examined.asked, LIMITS[kind])["faults"]
    except InputError:
        return False


def _facts(certificate: Mapping[str, Any]) -> dict[str, Any]:
    differences, greedy = certificate["log_probabilities"], certificate["greedy"]
    tokenisation = certificate["tokenisation"]
    return {
        "to": certificate["to"],
        "type": certificate["type"],
        "reader": certificate["reader"],
        "mean_difference": differences["mean"],
        "largest_difference": differences["largest"],
        "trained_bits_per_byte": certificate["evaluation"]["trained_bits_per_byte"],
        "delta_bits_per_byte": certificate["evaluation"]["delta_bits_per_byte"],
        "equal_tokens": greedy["equal"],
        "tokens": greedy["tokens"],
        "tokenised_bytes": tokenisation["documents"]["bytes"] + tokenisation["made_up"]["bytes"],
        "control_names_are_text": tokenisation["control_names_are_text"],
    }
