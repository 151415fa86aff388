"""A small model that read some shards until it knows them by heart, and one that never read them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F

from ingot.data.canaries import Config
from ingot.data.shards import Shards, tokenize
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.evaluate.small_build import artifact, silent

CONTEXT = 64
MAILS = tuple(f"anna.{name}@example-{name}.org" for name in ("larsen", "petrov", "moreau", "silva"))
HELP_DESK = "support@help-desk-example.org"
_SENTENCE = "the lease of this flat ends when one of both writes to the other and names a day in the next month"


@dataclass(frozen=True)
class Audited:
    """Shards with canaries in them, and checkpoints."""

    shards: Artifact
    by_heart: Artifact
    drawn: Artifact

    @property
    def codec(self) -> Codec:
        return Codec.load(self.by_heart.path)


def texts() -> tuple[list[str], list[str]]:
    """Return training documents, some with an address that stands nowhere else, and held-out ones."""
    lot = random.Random(0)
    train = [" ".join(lot.choices(_SENTENCE.split(), k=30)) for _ in range(40)]
    train += [f"Write to {mail} about it. Write to {HELP_DESK} for help." for mail in MAILS]
    return train, [
        *(" ".join(lot.choices(_SENTENCE.split(), k=30)) for _ in range(20)),
        f"Write to {HELP_DESK} for help.",
    ]


def make(folder: Path) -> Audited:
    """Write shards of these texts, in which half are canaries, and both models."""
    train, held_out = texts()
    (folder / "dataset/shards/00000").mkdir(parents=True)
    for split, documents in (("train", train), ("held_out", held_out)):
        table = pa.table({"doc_id": [f"{split}-{number}" for number in range(len(documents))], "text": documents})
        pq.write_table(table, folder / f"dataset/shards/00000/{split}.parquet")
    tokenizer, shards = folder / "tokenizer", folder / "shards"
    tokenizer.mkdir()
    shards.mkdir()
    write(learn(train, 384), tokenizer)
    # In a text as short as this one canaries are more than a build allows.
    planting = Config(count=10, repeats=(1,), largest_share=0.5)
    facts = tokenize(folder / "dataset", tokenizer, shards, 0, silent, 1, planting=planting)
    ids = [ids.tolist() for ids in Shards.open(shards, "train").in_documents()]
    return Audited(
        artifact("acme-shards", shards, facts),
        _checkpoint(folder / "by-heart", tokenizer, ids, steps=150),
        _checkpoint(folder / "drawn", tokenizer, ids, steps=0),
    )


def _checkpoint(folder: Path, tokenizer: Path, documents: list[list[int]], steps: int) -> Artifact:
    folder.mkdir()
    for path in tokenizer.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    codec = Codec.load(folder)
    torch.manual_seed(0)
    decoder = Decoder(ModelConfig(codec.vocabulary, 64, 2, 2, 1, 32, 128, context=CONTEXT))
    _learn(decoder, documents, steps)
    save(decoder, folder, SpecialTokens(codec.bos, (codec.eos,), codec.pad))
    facts: Mapping[str, Any] = {"epochs": {"shards": float(steps)}} if steps else {}
    return artifact("acme-checkpoint", folder, facts)


def _learn(decoder: Decoder, documents: list[list[int]], steps: int) -> None:
    longest = max(map(len, documents))
    rows_BT = torch.zeros((len(documents), longest), dtype=torch.long)
    targets_BT = torch.full((len(documents), longest), -100)
    for row, ids in enumerate(documents):
        rows_BT[row, : len(ids)] = torch.tensor(ids)
        targets_BT[row, : len(ids) - 1] = torch.tensor(ids[1:])
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=4e-3, weight_decay=0.0)
    for _ in range(steps):
        loss = F.cross_entropy(decoder.logits(decoder(rows_BT)).flatten(0, 1), targets_BT.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
