"""Classification: tell which of some classes a text belongs to.

A matrix of classes stands on the decoder in the place of its head and reads the state at the end of a text, which has
seen all of it; the loss is the surprise of the right class. Shards come from `ingot.data.labels:tokenize`: whole texts,
each with a token for its class behind its end mark. The result is a folder that transformers opens as
`...ForSequenceClassification`, with the classes' names in its config.json.

Shapes: N texts of all rows, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ingot.data.labels import FILE, Labels, read_labels
from ingot.data.whole_rows import refuse_parts
from ingot.model.convert import SpecialTokens
from ingot.model.decoder import Decoder
from ingot.model.heads import class_logits, class_weights, documents_in, put_classes, save_classifier
from ingot.train.objective import Given, Loss, TensorBatch


@dataclass(frozen=True)
class Config:
    """Nothing to set: every text counts the same."""


@dataclass(frozen=True)
class Classes:
    """The head: a row of weights for each class."""

    names: Sequence[str]

    def put_on(self, decoder: Decoder, seed: int = 0) -> Decoder:
        """Put the matrix on a decoder in the place of its head; return the decoder."""
        return put_classes(decoder, len(self.names), seed)

    def first_weights(self, width: int, seed: int) -> Mapping[str, Tensor]:
        """Return the matrix as it is drawn."""
        return {"score.weight": class_weights(width, len(self.names), seed)}

    def save(self, decoder: Decoder, folder: Path, special: SpecialTokens, longest: int) -> None:
        """Write a folder that transformers opens for sequence classification."""
        save_classifier(decoder, self.names, folder, special)


def head(config: Config, given: Given) -> Classes:
    """Return the head for the classes of the training's shards."""
    return Classes(_labels(given).names)


def loss(decoder: Decoder, batch: TensorBatch, config: Config, given: Given) -> Loss:
    """Return the summed surprise of the classes of a batch's texts, and how many there are."""
    refuse_parts(batch.tokens_BT[:, 0], given.codec.bos)
    documents = documents_in(batch.tokens_BT, batch.segments_BT, given.codec.eos)
    classes_N = _classes(batch.targets_BT.flatten()[documents.ends_N], _labels(given))
    logits_NC = class_logits(decoder, decoder(batch.tokens_BT, batch.segments_BT), documents)
    total = F.cross_entropy(logits_NC, classes_N, reduction="sum")
    return Loss(total + len(classes_N) * decoder.router_loss(), len(classes_N))


def _classes(tokens_N: Tensor, labels: Labels) -> Tensor:
    """Return the numbers of the classes that tokens stand for."""
    is_its_NC = tokens_N[:, None] == torch.tensor(labels.tokens, device=tokens_N.device)
    assert bool(is_its_NC.any(1).all()), "behind the end of every text stands its class"
    return is_its_NC.int().argmax(1)


def _labels(given: Given) -> Labels:
    why = "it says which classes there are"
    return given.once("labels", lambda: read_labels(given.folder_with(FILE, why, "ingot.data.labels:tokenize")))
