"""Fill in the middle: a part of a document is moved to its end, to be written from what stands before and after it.

A document that is chosen is cut at two places; what lies between them is the middle (Bavarian et al., 2022, "Efficient
training of language models to fill in the middle"). In order PSM it becomes `<|fim_prefix|>` prefix `<|fim_suffix|>`
suffix `<|fim_middle|>` middle; in SPM `<|fim_prefix|><|fim_suffix|>` suffix `<|fim_middle|>` prefix middle (their
appendix D). Ordinary next-token prediction follows. The row keeps its length: what the control tokens take, the suffix
gives. The tokenizer must have the three control tokens, as all of Ingot's have, and Qwen's.

Which documents, and where they are cut, follows from their content and the seed: a batch is the same after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from ingot.core.errors import UsageError
from ingot.data.stream import IGNORED
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.train.objective import Given, Loss, TensorBatch
from ingot.train.objectives import next_token

PREFIX, SUFFIX, MIDDLE = "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"
# Below this a document has no middle worth asking for.
SHORTEST = 16

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Config:
    """What share of the documents is cut (`rate`), what share of those in order SPM, and what lies between two cuts.

    Cut by "characters", a middle may begin inside a word, as it does when a person stops typing there; parts of
    documents that are not whole text, and all with "tokens", are cut between tokens.
    """

    rate: float = 0.5
    spm_rate: float = 0.5
    cut: Literal["characters", "tokens"] = "characters"
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.rate <= 1 and 0 <= self.spm_rate <= 1):
            what = f"rate is {self.rate} and spm_rate is {self.spm_rate}"
            raise UsageError(what, where="objective fill_in_the_middle", fix="choose shares between 0 and 1")


def loss(decoder: Decoder, batch: TensorBatch, config: Config, given: Given) -> Loss:
    """Return the next-token loss of a batch some of whose documents are rearranged."""
    return next_token.loss(decoder, rearranged(batch, config, given.codec), next_token.Config())


def rearranged(batch: TensorBatch, config: Config, codec: Codec) -> TensorBatch:
    """Return the batch with its chosen documents rearranged; shapes and segments stay as they are."""
    arrays = (batch.tokens_BT, batch.targets_BT, batch.segments_BT)
    tokens, targets, segments = (array.cpu().numpy().copy() for array in arrays)
    marks = [codec.special(name) for name in (PREFIX, SUFFIX, MIDDLE)]
    for row in range(len(tokens)):
        borders = np.flatnonzero(np.diff(segments[row])) + 1
        for begin, end in zip([0, *borders], [*borders, tokens.shape[1]], strict=True):
            ids = tokens[row, begin:end]
            # A document that goes on in the next row has one target more than it has tokens here.
            goes_on = bool(targets[row, end - 1] != IGNORED)
            whole = np.append(ids, targets[row, end - 1]) if goes_on else ids
            made = _rearrange(whole, config, codec, marks)
            tokens[row, begin:end] = made[: end - begin]
            targets[row, begin : end - (0 if goes_on else 1)] = made[1:]
    device = batch.tokens_BT.device
    return TensorBatch(torch.from_numpy(tokens).to(device), torch.from_numpy(targets).to(device), batch.segments_BT)


def _rearrange(ids: Ids, config: Config, codec: Codec, marks: Sequence[int]) -> Ids:
    """Return as many ids, rearranged if this document is chosen; its own first and last mark stay where they are."""
    first = 1 if ids[0] == codec.bos else 0
    last = len(ids) - (1 if ids[-1] == codec.eos else 0)
    inner = ids[first:last]
    digest = blake2b(inner.tobytes(), key=config.seed.to_bytes(8, "little", signed=True), digest_size=8).digest()
    random = np.random.default_rng(int.from_bytes(digest, "little"))
    if len(inner) < SHORTEST or random.random() >= config.rate:
        return ids
    is_spm = random.random() < config.spm_rate
    prefix, middle, suffix = _cut(inner, config, codec, random)
    # Encoded in pieces a text may have more tokens than it had whole: those, too, the suffix must give.
    room = len(inner) - len(marks) - len(prefix) - len(middle)
    if room < 0:
        return ids
    before, after, between = ([mark] for mark in marks)
    suffix = suffix[:room]
    parts = (
        [before, after, suffix, between, prefix, middle] if is_spm else [before, prefix, after, suffix, between, middle]
    )
    made = np.concatenate([np.asarray(part, dtype=np.int64) for part in parts])
    # It may also have fewer, very seldom by more than the marks take: such a document stays as it was.
    return np.concatenate([ids[:first], made, ids[last:]]) if len(made) == len(inner) else ids


def _cut(inner: Ids, config: Config, codec: Codec, random: np.random.Generator) -> tuple[Sequence[int], ...]:
    text = _text(inner, codec) if config.cut == "characters" else None
    if text is None:
        low, high = sorted(random.integers(0, len(inner) + 1, 2).tolist())
        return inner[:low].tolist(), inner[low:high].tolist(), inner[high:].tolist()
    low, high = sorted(random.integers(0, len(text) + 1, 2).tolist())
    prefix, middle, suffix = codec.encode_batch([text[:low], text[low:high], text[high:]])
    return prefix, middle, suffix


def _text(inner: Ids, codec: Codec) -> str | None:
    """Return the text of ids that are whole text: no control token, no half character; else None."""
    pieces = [codec.token_bytes(token) for token in inner.tolist()]
    try:
        return b"".join(pieces).decode("utf-8") if all(pieces) else None
    except UnicodeDecodeError:
        return None
