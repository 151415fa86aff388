"""The pretrain step: shards and a tokenizer in, a model folder out, and no step lost to a crash.

The work folder keeps `checkpoints/` until the model is written; a run that finds them goes on from the newest whole
one. `training.json` is written last of all: with it the folder is finished, whatever is still lying about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import torch

from ingot.core import plugins
from ingot.core.config import load
from ingot.core.errors import InputError
from ingot.core.storage import remove_tree, write_atomically
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.decoder import Decoder
from ingot.model.fusing import fused
from ingot.plan.parallel import ParallelPlan
from ingot.tokenizer.codec import Codec
from ingot.train.averaging import averaged
from ingot.train.beginning import settle, start_of
from ingot.train.checkpoint import Saved
from ingot.train.compiling import choose_compiling
from ingot.train.config import PretrainConfig
from ingot.train.copies import open_checkpoints
from ingot.train.course import rule_of
from ingot.train.finishing import publish_in_turn, publish_trained, training_facts, whole
from ingot.train.heads import head_of
from ingot.train.hooks import Hooks
from ingot.train.journal import Journal, Unheard
from ingot.train.objective import Given, Head, Objective, bind
from ingot.train.parallel.placement import Placement, alone
from ingot.train.parallel.ranks import Ranks
from ingot.train.refusals import (
    refuse_damaged_shards,
    refuse_divided_drawing,
    refuse_divided_texts,
    refuse_what_cannot_be_published,
)
from ingot.train.saving import Saver
from ingot.train.spending import Spending
from ingot.train.state import TrainingState, begin, reproducible, resolve_precision, restore
from ingot.train.trainer import Trainer
from ingot.train.watchdog import Watchdog

CURVE, FINISHED, CHECKPOINTS = "curve.jsonl", "training.json", "checkpoints"
MEMBER = "ingot.train.parallel.member:train_part"  # what each process runs when several train together
ALONE = ParallelPlan()


def pretrain(config: PretrainConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Train a model from random weights or those of the input `start`; a folder with checkpoints goes on from them."""
    finished = context.folder / FINISHED
    if not finished.exists():
        facts = context.crew.run(MEMBER) if context.crew.size > 1 else train(config, inputs, context)
        write_atomically(finished, json.dumps(dict(facts), indent=1) + "\n")
    remove_tree(context.folder / CHECKPOINTS)
    known: dict[str, Any] = json.loads(finished.read_text(encoding="utf-8"))
    return known


def train(
    config: PretrainConfig,
    inputs: Mapping[str, Artifact],
    context: StepContext,
    plan: ParallelPlan = ALONE,
    ranks: Ranks | None = None,
    spread: Callable[[Decoder], Placement] = alone,
) -> Facts:
    """Train to the last step and write the model, in this process or as one of those that `spread` divides it among."""
    ranks = ranks or Ranks()
    codec, look, start = _codec(config, inputs), Hooks(config.hooks, inputs, context), start_of(inputs)
    config, loss, head = settle(config, codec, start), objective(config, inputs), head_of(config, inputs)
    plugin = plugins.load("objective", config.objective)
    is_whole = head is not None or bool(plugin.other("READS_WHOLE_TEXTS"))
    plan.check(config.model, config.batch_size, config.sequence_length, reads_whole_texts=is_whole)
    refuse_divided_texts(config.objective, is_whole, plan)
    refuse_divided_drawing(config.objective, bool(plugin.other("DRAWS_ANSWERS")), plan)
    refuse_what_cannot_be_published(config.model)
    refuse_damaged_shards(inputs, context.unfinished, ranks.rank, ranks.size)
    batches = stream(config, inputs, context.unfinished, plan.reader(ranks.rank), plan.readers)
    checkpoints = open_checkpoints(
        context.folder / CHECKPOINTS, config.keep_checkpoints, context.emit, ranks.beside(), config.checkpoint_every
    )
    saved = checkpoints.newest()
    if saved:
        batches.resume(saved.scalars.get("stream"))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # As many ranks as before repeat the same bits with the same threads; others sum in another order anyhow.
    is_alike = saved is not None and saved.scalars.get("ranks", 1) == ranks.size
    threads = saved.scalars["threads"] if saved and is_alike else context.cores
    with reproducible(threads, device):
        state = _state(config, saved, threads, device, start, spread, head)
        state.is_compiled = choose_compiling(config, state, saved.scalars if saved else None, context.emit)
        if ranks.rank == 0:
            _announce(state, saved, context, start)
        with (
            fused(state.is_compiled),
            _journal(config, state, context) as journal,
            Saver(checkpoints) as saver,
            Watchdog(context.emit, ranks.rank) as dog,
            context.stopping.minded(),
        ):
            rule = rule_of(inputs, context)
            spending = Spending(context.allowance, ranks.size, journal.meter)
            asked = spending.or_asked(rule.or_asked(context.stopping.is_asked))
            seen = rule.watching(partial(_seen, state, config, look, head))
            with rule.in_words(), spending.in_words(state, config.steps):
                Trainer(config, loss, batches, seen, journal, saver, dog.beat, asked).run(state)
    with averaged(state):
        is_plain = config.adapters is None and head is None
        decoder = None if is_plain and ranks.size > 1 else whole(state, config, head)
        if decoder is not None:
            publish_trained(decoder, config, codec, inputs, context.folder, head)
        elif is_plain:
            publish_in_turn(state, codec, inputs, context.folder)
    ranks.wait()
    return {**training_facts(state, context.folder / CURVE), "epochs": batches.epochs(state.batch)}


def _seen(
    state: TrainingState, config: PretrainConfig, look: Hooks, head: Head | None, decoder: Decoder, step: int
) -> dict[str, float]:
    if not config.hooks:
        return {}
    with fused(False), averaged(state):  # what it looks at has other shapes, and is soon over
        found = whole(state, config, head)
        return {} if found is None else look(found, step)


def _journal(config: PretrainConfig, state: TrainingState, context: StepContext) -> Journal:
    if state.placement.ranks.rank:
        return Unheard()
    return Journal(context.folder / CURVE, config.steps, state.step, context.emit)


def stream(
    config: PretrainConfig,
    inputs: Mapping[str, Artifact],
    unfinished: Collection[str] = frozenset(),
    reader: int = 0,
    readers: int = 1,
) -> Stream:
    """Return the batches of a training: of all Shards among its inputs, as its mixture weighs them.

    Of several readers each gets its rows.

    For a shard of an `unfinished` input it waits as long as it takes: should its writer fail, the run ends.
    """
    patience = dict.fromkeys(unfinished, inf)
    datasets = {
        name: Shards.open(made.path, "train", patience.get(name))
        for name, made in inputs.items()
        if made.kind == "Shards"
    }
    sizes = (config.batch_size, config.sequence_length, config.seed)
    return Stream(datasets, *sizes, config.mixture, config.steps, reader, readers)


def objective(config: PretrainConfig, inputs: Mapping[str, Artifact]) -> Objective:
    """Return the plug-in the config names, with its options checked and filled in."""
    plugin = plugins.load("objective", config.objective)
    options = load(plugin.config_type, config.objective_options, f"options of objective {config.objective!r}")
    return bind(plugin.entry, options, Given({name: made.path for name, made in inputs.items()}))


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


def _state(
    config: PretrainConfig,
    saved: Saved | None,
    threads: int,
    device: torch.device,
    start: Path | None,
    spread: Callable[[Decoder], Placement],
    head: Head | None,
) -> TrainingState:
    precision = resolve_precision(saved.scalars["precision"] if saved else config.precision, device)
    state = begin(config, threads, precision, device, start, spread, head)
    if saved is not None:
        restore(state, saved.tensors, saved.scalars)
        state.starts += 1
    return state


def _announce(state: TrainingState, saved: Saved | None, context: StepContext, start: Path | None) -> None:
    how = f"{state.precision} on {state.device.type}, {state.threads} threads"
    how = f"compiled, {how}" if state.is_compiled else how
    size = state.placement.ranks.size
    how = f"{how} in each of {size} processes" if size > 1 else how
    weights = "those it was given" if start else "random weights"
    text = f"going on from step {state.step} ({how})" if saved else f"training from {weights} ({how})"
    context.emit("note", text=text)
