"""Held-out figures of models that judge texts: how well classes are told apart, how often the right text is found.

Hooks for a training with the objective `classification` or `embedding`. Both read the examples that were kept aside
when the shards were made, the first few thousand of them, one by one as a user's program would.

Macro-F1 is the mean over classes of F1 = 2 true / (2 true + wrongly given + missed), so that a rare class counts as
much as a frequent one. Recall at k is the share of queries whose positive is among the k nearest of all positives.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ingot.core.storage import write_atomically
from ingot.data.labels import FILE, read_labels
from ingot.data.shards import Shards
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.model.decoder import Decoder
from ingot.model.heads import Documents, class_logits, embeddings
from ingot.tokenizer.codec import Codec

MOST_EXAMPLES = 2_000
_AT_ONCE = 16
_RANKS = (1, 5, 10)

Integers = npt.NDArray[np.int64]


def classes(decoder: Decoder, step: int, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, float]:
    """Return `macro_f1` and `accuracy` on labelled texts that were kept aside; nothing when there are none.

    `classes.json` in the folder of the training has precision, recall and F1 of every class.
    """
    codec = Codec.load(inputs["tokenizer"].path)
    confusion, names = np.zeros((0, 0), dtype=np.int64), list[str]()
    for made in inputs.values():
        if not (made.path / FILE).is_file():
            continue
        labels = read_labels(made.path)
        names, number = list(labels.names), {token: place for place, token in enumerate(labels.tokens)}
        confusion = confusion if len(confusion) else np.zeros((len(names), len(names)), dtype=np.int64)
        examples = list(_documents(made.path, codec, 1))
        found = torch.cat([class_logits(*each).argmax(1) for each in _read(decoder, [text for text, _ in examples])])
        np.add.at(confusion, ([number[behind[0]] for _, behind in examples], found.tolist()), 1)
    if not confusion.sum():
        return {}
    told = _told(confusion, names)
    write_atomically(context.folder / "classes.json", json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    f1 = [each["f1"] for each in told.values() if each["examples"]]
    return {"macro_f1": round(sum(f1) / len(f1), 4), "accuracy": round(np.trace(confusion) / confusion.sum(), 4)}


def retrieval(decoder: Decoder, step: int, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, float]:
    """Return `recall_at_1`, `_5` and `_10` on pairs that were kept aside; nothing when there are none.

    Every query looks among the positives of all of them; a positive that is equal to its own counts as its own.
    """
    codec = Codec.load(inputs["tokenizer"].path)
    shards = [made.path for made in inputs.values() if made.kind == "Shards"]
    texts = [text for path in shards for text, _ in _documents(path, codec, 2)]
    if not texts:
        return {}
    vectors_ND = torch.cat([embeddings(*each) for each in _read(decoder, texts)])
    cosines_PP = vectors_ND[0::2] @ vectors_ND[1::2].T
    known: dict[tuple[int, ...], int] = {}
    own = torch.tensor([known.setdefault(tuple(text), len(known)) for text in texts[1::2]])
    best = cosines_PP.masked_fill(own[:, None] != own, -torch.inf).amax(1, keepdim=True)
    # How many other texts are nearer than the right one: each text counts once, however often it stands there.
    first = torch.tensor([own.tolist().index(number) for number in range(len(known))])
    nearer = (cosines_PP[:, first] > best).sum(1)
    return {f"recall_at_{k}": round(float((nearer < k).double().mean()), 4) for k in _RANKS}


def _documents(folder: Path, codec: Codec, each: int) -> Iterator[tuple[list[int], list[int]]]:
    """Yield held-out documents up to their end mark, and what is behind that; `each` make an example."""
    left = MOST_EXAMPLES * each
    for ids in Shards.open(folder, "held_out").in_documents():
        if left <= 0:
            return
        end = int(np.flatnonzero(ids == codec.eos)[0]) + 1
        yield ids[:end].tolist(), ids[end:].tolist()
        left -= 1


def _read(decoder: Decoder, texts: Sequence[Sequence[int]]) -> Iterator[tuple[Decoder, torch.Tensor, Documents]]:
    """Read texts, some at once, and yield what a head takes."""
    device = decoder.embed_tokens.weight.device
    for begin in range(0, len(texts), _AT_ONCE):
        some = texts[begin : begin + _AT_ONCE]
        longest = max(map(len, some))
        # What fills a row stands behind the text, so nothing of the text can see it.
        tokens_BT = torch.tensor([[*text, *[0] * (longest - len(text))] for text in some], device=device)
        ends_N = torch.tensor([row * longest + len(text) - 1 for row, text in enumerate(some)], device=device)
        number_S = torch.full((len(some), longest), -1, device=device)
        for row, text in enumerate(some):
            number_S[row, : len(text)] = row
        yield decoder, decoder(tokens_BT), Documents(ends_N, number_S.flatten())


def _told(confusion: Integers, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    told = {}
    for number, name in enumerate(names):
        right, given, there = confusion[number, number], confusion[:, number].sum(), confusion[number].sum()
        told[name] = {
            "precision": round(float(right / given), 4) if given else 0.0,
            "recall": round(float(right / there), 4) if there else 0.0,
            "f1": round(float(2 * right / (given + there)), 4) if given + there else 0.0,
            "examples": int(there),
        }
    return told
