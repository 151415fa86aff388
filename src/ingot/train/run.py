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
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from ingot.core import plugins
from ingot.core.config import load
from ingot.core.errors import InputError
from ingot.core.storage import fsync_tree, remove_tree, write_atomically
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.model.fusing import fused
from ingot.plan.parallel import ParallelPlan
from ingot.tokenizer.codec import Codec
from ingot.train.adapters import attach, save_adapters
from ingot.train.averaging import averaged
from ingot.train.beginning import START, settle, start_of
from ingot.train.checkpoint import Saved
from ingot.train.compiling import choose_compiling
from ingot.train.config import PretrainConfig
from ingot.train.copies import open_checkpoints
from ingot.train.course import rule_of
from ingot.train.heads import head_of, publish_head
from ingot.train.hooks import Hooks
from ingot.train.journal import Journal, Unheard, read_curve
from ingot.train.objective import Given, Head, Objective, bind
from ingot.train.parallel.placement import Placement, alone
from ingot.train.parallel.ranks import Ranks
from ingot.train.parallel.writing import write_in_turn
from ingot.train.publishing import copy_tokenizer, model_facts
from ingot.train.refusals import refuse_damaged_shards, refuse_divided_texts, refuse_what_cannot_be_published
from ingot.train.saving import Saver
from ingot.train.spending import Spending
from ingot.train.state import TrainingState, begin, reproducible, resolve_precision, restore
from ingot.train.trainer import Trainer
from ingot.train.watchdog import Watchdog

CURVE, FINISHED, CHECKPOINTS = "curve.jsonl", "training.json", "checkpoints"
MEMBER = "ingot.train.parallel.member:train_part"  # what each process runs when several train together
ALONE = ParallelPlan()
_LAST_SHARE = 0.05  # of the steps, over which the final loss is the mean


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
    plan.check(config.model, config.batch_size, config.sequence_length, reads_whole_texts=head is not None)
    refuse_divided_texts(config.objective, head is not None, plan)
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
            _publish(decoder, config, codec, inputs, context.folder, head)
        elif is_plain:
            _publish_in_turn(state, codec, inputs, context.folder)
    ranks.wait()
    return {**_facts(state, context.folder / CURVE), "epochs": batches.epochs(state.batch)}


def whole(state: TrainingState, config: PretrainConfig, head: Head | None = None) -> Decoder | None:
    """Return the decoder as one, on rank 0; None elsewhere. All ranks must ask."""
    if state.placement.ranks.size == 1:
        return state.decoder
    weights = state.placement.whole_weights(state.decoder)
    if state.placement.ranks.rank:
        for _ in weights:
            pass
        return None
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        decoder = Decoder(config.model, state.decoder.dtype)
        if config.adapters is not None:
            attach(decoder, config.adapters)
        if head is not None:
            head.put_on(decoder)
    decoder.load_state_dict(dict(weights), assign=True)
    return decoder


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


def _publish(
    decoder: Decoder,
    config: PretrainConfig,
    codec: Codec,
    inputs: Mapping[str, Artifact],
    folder: Path,
    head: Head | None = None,
) -> None:
    """Write the model folder, or that of its adapters: weights and settings, and beside them the tokenizer's files."""
    copy_tokenizer(inputs["tokenizer"].path, folder)
    if config.adapters is not None:
        save_adapters(decoder.cpu(), config.adapters, folder, inputs[START].reference)
    elif head is not None:
        round_to_half(decoder)
        publish_head(head, decoder.cpu(), codec, folder, config.sequence_length)
    else:
        round_to_half(decoder)
        save(decoder.cpu(), folder, _special(codec))
    fsync_tree(folder)


def _publish_in_turn(state: TrainingState, codec: Codec, inputs: Mapping[str, Artifact], folder: Path) -> None:
    """Write the model folder of a decoder that lies in parts, without ever having all of it in one process."""
    write_in_turn(state.placement, state.decoder, folder, _special(codec), _rounded)
    if state.placement.ranks.rank == 0:
        copy_tokenizer(inputs["tokenizer"].path, folder)
        fsync_tree(folder)


def _special(codec: Codec) -> SpecialTokens:
    return SpecialTokens(bos=codec.bos, ends=(codec.eos, codec.end_of_turn), pad=codec.pad)


def round_to_half(decoder: Decoder) -> None:
    """Round the matrices to numbers that f16 can hold, in place; they stay fp32.

    What is evaluated afterwards is then, weight for weight, what an f16 export holds, so an export can be proved equal
    instead of close. A number too large for f16 stays as it is.
    """
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.copy_(_rounded(weight))


def _rounded(weight: Tensor) -> Tensor:
    if weight.ndim < 2:
        return weight
    rounded = weight.half().float()
    return torch.where(rounded.isfinite(), rounded, weight)


def _facts(state: TrainingState, curve: Path) -> dict[str, Any]:
    lines = read_curve(curve)
    last = [line["loss"] for line in lines[-max(1, round(len(lines) * _LAST_SHARE)) :] if "loss" in line]
    told = ("step", "tokens", "learning_rate", "loss", "gradient_norm", "skipped")
    return {
        **model_facts(state.decoder),
        "steps": state.step,
        "tokens": state.tokens,
        "final_loss": round(fmean(last), 4) if last else None,
        "tokens_per_second": round(state.tokens / state.seconds, 1),
        "seconds": round(state.seconds, 1),
        "skipped_steps": sum("skipped" in line for line in lines),
        "batches_left_out": state.batch - state.step,
        "precision": state.precision,
        "compiled": state.is_compiled,
        "threads": state.threads,
        "device": state.device.type,
        **{name: value for line in lines[-1:] for name, value in line.items() if name not in told},
    }
