"""What a training refuses before its first step, because it would find it out only hours later, or never.

A model that no published layout can say could be trained and not be written. Shards that were changed on the disk, or
were made with another tokenizer than the one that goes with the model, train as well as any, and teach nonsense.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from ingot.core.errors import InputError, UsageError
from ingot.core.storage import sha256_file
from ingot.data.shards import Shards
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.model.layout import refuse_what_no_layout_has
from ingot.plan.parallel import ParallelPlan


def refuse_what_cannot_be_published(model: ModelConfig) -> None:
    """Raise UsageError for a model that could be trained, but not be written as a folder that others open."""
    refuse_what_no_layout_has(model)
    if model.experts and model.balance == "bias":
        raise UsageError(
            f"the {model.layout} layout cannot say: a balance bias of its routers",
            where="model config",
            why="without it the tokens would go to other experts, and the folder would answer otherwise",
            fix="leave `balance` at its default, loss",
        )


def refuse_divided_texts(objective: str, reads_whole_texts: bool, plan: ParallelPlan) -> None:
    """Raise UsageError for an objective that would have to read texts which lie in pieces on several processes."""
    for name, size in (("context", plan.context), ("pipeline", plan.pipeline)):
        if reads_whole_texts and size > 1:
            raise UsageError(
                f"the objective {objective!r} cannot be trained with {name} = {size}",
                where="--parallel",
                why="what it judges by is read from whole texts behind the last layer",
                fix=f"set {name} to 1 and use shard, data or tensor",
            )


def refuse_divided_drawing(objective: str, draws_answers: bool, plan: ParallelPlan) -> None:
    """Raise UsageError for an objective whose model answers prompts, and that was to train in several processes."""
    if draws_answers and plan.processes > 1:
        raise UsageError(
            f"the objective {objective!r} trains in one process, and {plan.processes} were asked for",
            where="--parallel",
            why="answers end at different tokens, so processes that share a model would wait for one another for ever",
            fix="leave --parallel out; several trainings can run beside one another",
        )


def refuse_damaged_shards(
    inputs: Mapping[str, Artifact], unfinished: Collection[str] = frozenset(), rank: int = 0, ranks: int = 1
) -> None:
    """Raise InputError for shards of another tokenizer than the input `tokenizer`, and for changed files.

    Of several ranks each reads its share of the files. Shards that are still being written have just been hashed.
    """
    tokenizer = sha256_file(inputs["tokenizer"].path / "tokenizer.json")
    for name, made in inputs.items():
        if made.kind != "Shards":
            continue
        shards = Shards.open(made.path, "train", 1.0 if name in unfinished else None)
        if shards.tokenizer != tokenizer:
            raise _other_tokenizer(name, made.path, inputs["tokenizer"].path)
        for number in range(rank, len(shards), ranks):
            shards[number].verify()


def _other_tokenizer(name: str, folder: Path, tokenizer: Path) -> InputError:
    return InputError(
        f"the shards of input {name!r} were made with another tokenizer than the model is trained with",
        where=str(folder),
        why=f"the same id stands for other text in {tokenizer}",
        fix="tokenise again with that tokenizer, or name the one the shards were made with as the input `tokenizer`",
    )
