"""The pretrain step: shards and a tokenizer in, a model folder out, and no step lost to a crash.

The work folder keeps `checkpoints/` until the model is written; a run that finds them goes on from the newest whole
one. `training.json` is written last of all: with it the folder is finished, whatever is still lying about.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from ingot.core import plugins
from ingot.core.config import load
from ingot.core.errors import InputError
from ingot.core.storage import fsync_tree, remove_tree, room_on_disk, write_atomically
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.flow.artifact import RECORD_FILE, Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.train.checkpoint import Checkpoints, Saved
from ingot.train.config import PretrainConfig
from ingot.train.hooks import Hooks
from ingot.train.journal import Journal, read_curve
from ingot.train.objective import Objective
from ingot.train.saving import Saver
from ingot.train.state import TrainingState, begin, reproducible, resolve_precision, restore
from ingot.train.trainer import Trainer
from ingot.train.watchdog import Watchdog

CURVE, FINISHED, CHECKPOINTS = "curve.jsonl", "training.json", "checkpoints"
_LAST_SHARE = 0.05  # of the steps, over which the final loss is the mean


def pretrain(config: PretrainConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Train a model from random weights, or from where the folder's newest checkpoint stands."""
    finished = context.folder / FINISHED
    if not finished.exists():
        facts = _train(config, inputs, context)
        write_atomically(finished, json.dumps(facts, indent=1) + "\n")
    remove_tree(context.folder / CHECKPOINTS)
    known: dict[str, Any] = json.loads(finished.read_text(encoding="utf-8"))
    return known


def _train(config: PretrainConfig, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, Any]:
    codec, loss, look = _codec(config, inputs), objective(config), Hooks(config.hooks, inputs, context)
    # A text too small to fill the planned vocabulary gave a smaller tokenizer: the model has no row without a token.
    config = replace(config, model=replace(config.model, vocabulary=codec.vocabulary))
    batches = stream(config, inputs, context.unfinished)
    checkpoints = Checkpoints(context.folder / CHECKPOINTS, config.keep_checkpoints, context.emit)
    saved = checkpoints.newest()
    if saved:
        batches.resume(saved.scalars.get("stream"))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    threads = saved.scalars["threads"] if saved else context.cores
    with reproducible(threads, device):
        state = _state(config, saved, threads, device)
        _announce(state, saved, context)
        with (
            Journal(context.folder / CURVE, config.steps, state.step, context.emit) as journal,
            Saver(checkpoints) as saver,
            Watchdog(context.emit) as dog,
            context.stopping.minded(),
        ):
            asked = context.stopping.is_asked
            Trainer(config, loss, batches, look, journal, saver, dog.beat, asked).run(state)
    _publish(state, codec, inputs["tokenizer"], context.folder)
    return {**_facts(state, context.folder / CURVE), "epochs": batches.epochs(state.batch)}


def stream(config: PretrainConfig, inputs: Mapping[str, Artifact], unfinished: Collection[str] = frozenset()) -> Stream:
    """Return the batches of a training: of all Shards among its inputs, as its mixture weighs them.

    For a shard of an `unfinished` input it waits as long as it takes: should its writer fail, the run ends.
    """
    patience = dict.fromkeys(unfinished, inf)
    datasets = {
        name: Shards.open(made.path, "train", patience.get(name))
        for name, made in inputs.items()
        if made.kind == "Shards"
    }
    return Stream(datasets, config.batch_size, config.sequence_length, config.seed, config.mixture, config.steps)


def objective(config: PretrainConfig) -> Objective:
    """Return the plug-in the config names, with its options checked and filled in."""
    plugin = plugins.load("objective", config.objective)
    options = load(plugin.config_type, config.objective_options, f"options of objective {config.objective!r}")
    return partial(plugin.entry, config=options)


def _codec(config: PretrainConfig, inputs: Mapping[str, Artifact]) -> Codec:
    codec = Codec.load(inputs["tokenizer"].path)
    if codec.vocabulary > config.model.vocabulary:
        raise InputError(
            f"the tokenizer has {codec.vocabulary} tokens, the model room for {config.model.vocabulary}",
            where=str(inputs["tokenizer"].path),
            why="ids beyond the model's vocabulary have no embedding",
            fix=f"plan the model with a vocabulary of {codec.vocabulary}",
        )
    return codec


def _state(config: PretrainConfig, saved: Saved | None, threads: int, device: torch.device) -> TrainingState:
    precision = saved.scalars["precision"] if saved else resolve_precision(config.precision, device)
    state = begin(config, threads, precision, device)
    if saved is not None:
        restore(state, saved.tensors, saved.scalars)
    return state


def _announce(state: TrainingState, saved: Saved | None, context: StepContext) -> None:
    how = f"{state.precision} on {state.device.type}, {state.threads} threads"
    text = f"going on from step {state.step} ({how})" if saved else f"training from random weights ({how})"
    context.emit("note", text=text)


def _publish(state: TrainingState, codec: Codec, tokenizer: Artifact, folder: Path) -> None:
    """Write the model folder: weights and settings, and beside them the tokenizer's files."""
    round_to_half(state.decoder)
    special = SpecialTokens(bos=codec.bos, ends=(codec.eos, codec.end_of_turn), pad=codec.pad)
    save(state.decoder.cpu(), folder, special)
    with room_on_disk(folder):
        for path in sorted(tokenizer.path.iterdir()):
            if path.is_file() and path.name != RECORD_FILE:
                shutil.copy(path, folder / path.name)
    fsync_tree(folder)


def round_to_half(decoder: Decoder) -> None:
    """Round the matrices to numbers that f16 can hold, in place; they stay fp32.

    What is evaluated afterwards is then, weight for weight, what an f16 export holds, so an export can be proved equal
    instead of close. A number too large for f16 stays as it is.
    """
    with torch.no_grad():
        for weight in decoder.parameters():
            if weight.ndim == 2:
                rounded = weight.half().float()
                weight.copy_(torch.where(rounded.isfinite(), rounded, weight))


def _facts(state: TrainingState, curve: Path) -> dict[str, Any]:
    lines = read_curve(curve)
    last = [line["loss"] for line in lines[-max(1, round(len(lines) * _LAST_SHARE)) :] if "loss" in line]
    told = ("step", "tokens", "learning_rate", "loss", "gradient_norm", "skipped")
    return {
        "parameters": state.decoder.config.parameters,
        "steps": state.step,
        "tokens": state.tokens,
        "final_loss": round(fmean(last), 4) if last else None,
        "tokens_per_second": round(state.tokens / state.seconds, 1),
        "seconds": round(state.seconds, 1),
        "skipped_steps": sum("skipped" in line for line in lines),
        "batches_left_out": state.batch - state.step,
        "precision": state.precision,
        "threads": state.threads,
        "device": state.device.type,
        **{name: value for name, value in lines[-1].items() if name not in told},
    }
