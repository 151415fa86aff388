"""The step that turns a dataset into a tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ingot.core.errors import InputError
from ingot.core.events import Emit
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.config import Config
from ingot.tokenizer.measure import measure
from ingot.tokenizer.sample import sample_texts, share_of
from ingot.tokenizer.train import learn, write

_TEXTS_BETWEEN_REPORTS = 64


def train(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Learn a vocabulary from the dataset's training text, write it, and measure it on the held-out text."""
    dataset = inputs["dataset"].path
    share = share_of(dataset / "train.parquet", config.sample_bytes)
    if not share.total_bytes:
        raise InputError(
            "there is no text to learn a vocabulary from",
            where=str(dataset / "train.parquet"),
            why="curation kept no document for training",
            fix="look at dropped.parquet beside it for the reasons, and add documents",
        )
    texts = sample_texts(dataset / "train.parquet", share.fraction)
    counted = _Counted(texts, share.total_bytes * share.fraction, context.emit)
    write(learn(counted, config.vocabulary), context.folder)
    codec = Codec.load(context.folder)
    figures = measure(codec, dataset / "held_out.parquet")
    if not figures["measured_bytes"]:
        figures = measure(codec, dataset / "train.parquet")
    return {
        "vocabulary": codec.vocabulary,
        "asked_vocabulary": config.vocabulary,
        "learned_bytes": counted.bytes,
        "learned_fraction": round(counted.bytes / share.total_bytes, 6),
        **figures,
    }


class _Counted:
    """Pass texts on, adding up their bytes and reporting progress."""

    def __init__(self, texts: Iterator[str], expected_bytes: float, emit: Emit) -> None:
        self._texts, self._expected, self._emit = texts, round(expected_bytes), emit
        self.bytes = 0

    def __iter__(self) -> Iterator[str]:
        for number, text in enumerate(self._texts):
            self.bytes += len(text.encode())
            if number % _TEXTS_BETWEEN_REPORTS == 0:
                self._emit("progress", done=min(self.bytes, self._expected), total=self._expected, unit="bytes")
            yield text
