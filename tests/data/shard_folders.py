"""Splits whose tokens are their own positions, so that a batch shows what was read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np

from ingot.data.shard import ShardWriter
from ingot.data.shards import Shards


def write_shard(folder: Path, lengths: Sequence[int], first_token: int = 0, first_document: int = 0) -> None:
    """Write a shard of documents of some lengths, named by their numbers."""
    folder.mkdir(parents=True)
    token = first_token
    with ShardWriter(folder, "uint32", first_token + sum(lengths)) as writer:
        for number, length in enumerate(lengths, start=first_document):
            writer.append(f"document-{number}", length, [np.arange(token, token + length)])
            token += length
    writer.finish()


def split(folder: Path, *shards: Sequence[int], tokenizer: str = "", first_token: int = 0) -> Shards:
    """Write shards of documents of some lengths; tokens and documents are numbered through."""
    token, document = first_token, 0
    for number, lengths in zip(count(), shards, strict=False):
        write_shard(folder / f"{number:05d}", lengths, token, document)
        token, document = token + sum(lengths), document + len(lengths)
    opened = Shards(folder, len(shards), tokenizer)
    opened.require(len(shards))
    return opened
