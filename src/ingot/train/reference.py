"""What a model thinks of pairs of answers before it is trained on them: the reference of a preference training.

The step `score` reads every row of preference shards once and keeps the log-probability of each answer under the model
`start`. With it the training holds one model instead of two, and several trainings of the same start share one pass.
The artifact says which weights it is of; a training with others, or with pairs it has not read, is refused. A pass that
was stopped goes on with the parts it has written.

Shards of ratings are read in the same way: there the two numbers of an answer are its log-probability after its own
prompt and that of a foreign answer after it (train/ratings).

Shapes: P pairs; [P, 2] is chosen and rejected, or own and foreign.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from ingot.core.errors import InputError
from ingot.core.storage import fsync_tree, remove_tree, sha256_file, write_atomically
from ingot.data.order import Order
from ingot.data.ratings import FILE as RATINGS
from ingot.data.score_differences import KEY_BYTES
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.convert import load as load_decoder
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.train.answers import answer_log_probabilities, pairs_in
from ingot.train.config import Precision
from ingot.train.objective import Given, TensorBatch, pieces
from ingot.train.ratings import foreign_log_probabilities, own_log_probabilities, ratings_in
from ingot.train.refusals import refuse_damaged_shards
from ingot.train.state import DTYPES, reproducible, resolve_precision

REFERENCE, START = "reference", "start"
FILE, ABOUT = "answers.safetensors", "reference.json"
_PARTS, _BATCHES_A_PART = "parts", 32
_KEYS, _VALUES = "keys", "log_probabilities"


@dataclass(frozen=True)
class Config:
    """How long the shards' rows are, how many are read at once, and in which precision: that of the training."""

    sequence_length: int
    batch_size: int = 4
    precision: Precision = "auto"


@dataclass(frozen=True, eq=False)
class Reference:
    """The log-probabilities of answers, [P, 2], by the keys of their pairs."""

    values_P2: Tensor
    row_of: Mapping[bytes, int]

    def of(self, keys: Sequence[bytes]) -> Tensor:
        """Return those of some pairs, in their order. Raises InputError for a pair that was not scored."""
        try:
            return self.values_P2[[self.row_of[key] for key in keys]]
        except KeyError:
            raise InputError(
                "the reference has not read these pairs of answers",
                where="training, input reference",
                why="it was made of other shards, or in rows of another length",
                fix="make it anew of these shards with the step ingot.train.reference:score",
            ) from None


def score(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write the log-probabilities of all answers in `shards` under the model `start`.

    Raises InputError for damaged shards, and for rows that do not hold whole pairs.
    """
    refuse_damaged_shards(inputs)
    folder, start = inputs["shards"].path, inputs[START].path
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = resolve_precision(config.precision, device)
    shards = Shards.open(folder, "train")
    stream = Stream(shards, config.batch_size, config.sequence_length, 0)
    batches = -(-Order("shards", shards, config.sequence_length, 0).know_all() // config.batch_size)
    codec, parts = Codec.load(inputs["tokenizer"].path), context.folder / _PARTS
    parts.mkdir(exist_ok=True)
    read = rating_scores_of if (folder / RATINGS).is_file() else scores_of
    with reproducible(context.cores, device):
        decoder = load_decoder(start, DTYPES[precision]).eval().to(device)
        for first in range(0, batches, _BATCHES_A_PART):
            part = parts / f"{first:08d}.safetensors"
            if not part.exists():
                some = (stream.batch(number) for number in range(first, min(first + _BATCHES_A_PART, batches)))
                moved = (batch for each in some for batch in pieces(each, 1, device))
                write_atomically(part, save(read(decoder, moved, codec)))
            context.emit("progress", done=min(first + _BATCHES_A_PART, batches), total=batches, unit="batches")
    found = [load_file(path) for path in sorted(parts.iterdir())]
    whole = {name: torch.cat([each[name] for each in found]) for name in (_KEYS, _VALUES)}
    about = write_reference(whole, start, context.folder)
    remove_tree(parts)
    fsync_tree(context.folder)
    return {"pairs": len(set(_keys(whole))), "precision": precision, **about}


@torch.inference_mode()
def scores_of(decoder: Decoder, batches: Iterable[TensorBatch], codec: Codec) -> dict[str, Tensor]:
    """Return the keys of all pairs in some batches, and the log-probabilities of their answers."""
    keys, values = list[bytes](), list[Tensor]()
    for batch in batches:
        pairs = pairs_in(batch, codec)
        keys += pairs.keys
        values.append(answer_log_probabilities(decoder, batch, pairs).cpu())
    return _scores(keys, values)


@torch.inference_mode()
def rating_scores_of(decoder: Decoder, batches: Iterable[TensorBatch], codec: Codec) -> dict[str, Tensor]:
    """Return the keys of all rated answers in some batches, and the log-probabilities of own and foreign ones."""
    keys, values = list[bytes](), list[Tensor]()
    for batch in batches:
        rated = ratings_in(batch, codec, decoder.config.context)
        keys += rated.both_keys
        both = (read(decoder, rated, codec) for read in (own_log_probabilities, foreign_log_probabilities))
        values.append(torch.stack([*both], 1).cpu())
    return _scores(keys, values)


def _scores(keys: Sequence[bytes], values: Sequence[Tensor]) -> dict[str, Tensor]:
    table = torch.frombuffer(bytearray(b"".join(keys)), dtype=torch.uint8).view(-1, KEY_BYTES)
    return {_KEYS: table, _VALUES: torch.cat(list(values))}


def write_reference(scores: dict[str, Tensor], start: Path, folder: Path) -> Facts:
    """Write the folder of a reference; return what it says about itself."""
    about = {START: _weights_hash(start)}
    write_atomically(folder / FILE, save(scores))
    write_atomically(folder / ABOUT, json.dumps(about, indent=1) + "\n")
    return about


def open_reference(given: Given) -> Reference:
    """Return the input `reference` of a training. Raises InputError when it is of another start than the training's."""
    folder = given.folder(REFERENCE, "it says what the model thought of the answers before")
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        table = load_file(folder / FILE)
    except (OSError, ValueError) as error:
        raise InputError(
            "this is no reference",
            where=str(folder),
            why=str(error),
            fix="make one with the step ingot.train.reference:score",
        ) from error
    start = given.folder(START, "a preference is learned by a model that can answer")
    if about[START] != _weights_hash(start):
        raise InputError(
            "the reference is of another model than the one that training starts from",
            where=str(folder),
            why="its log-probabilities are compared with those of the model in training, which must begin equal",
            fix="make it anew with this start (step ingot.train.reference:score)",
        )
    return Reference(table[_VALUES], {key: row for row, key in enumerate(_keys(table))})


def _keys(table: Mapping[str, Tensor]) -> Iterator[bytes]:
    return (row.tobytes() for row in table[_KEYS].numpy())


def _weights_hash(folder: Path) -> str:
    """Return one hash of all of a model's weights, whatever files they are in."""
    hashes = {path.name: sha256_file(path) for path in sorted(folder.glob("*.safetensors"))}
    return next(iter(hashes.values())) if len(hashes) == 1 else json.dumps(hashes, sort_keys=True)
