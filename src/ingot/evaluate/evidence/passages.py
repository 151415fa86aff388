"""A general model that is shown what search finds: the same texts, each behind passages of what one has.

Search gets the question of a text, or its opening, and finds passages in the training text, never in what is held out.
The question is scored without them, for they were found by it; the rest is scored behind passages and question. All
bytes are scored, as for every other arm. Passages that do not fit into the model's context are cut from the left.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingot.evaluate.bits import document_bits
from ingot.evaluate.evidence.choosing import Chosen
from ingot.evaluate.evidence.config import ScoreConfig
from ingot.evaluate.likelihood import Weigher
from ingot.evaluate.samples import opening
from ingot.model.decoder import Decoder
from ingot.retrieve.search import open_index
from ingot.tokenizer.codec import Codec

_OPENING_BYTES = 120
_ROOM = 8  # tokens of a context that are left for what stands before a text


@dataclass(frozen=True)
class Shown:
    """What stands before each text: its question, passages found by it, and the processor seconds of one search."""

    questions: Sequence[str]
    passages: Sequence[Sequence[str]]
    seconds: float

    def prompt(self, number: int) -> str:
        """Return passages and question as the model reads them."""
        return "\n\n".join([*self.passages[number], self.questions[number]])


def question_of(text: Chosen) -> str:
    """Return the question of a text, or its opening where it has none."""
    asked = text.text.encode()[: text.question_bytes].decode("utf-8", errors="ignore").rstrip()
    return asked or opening(text.text, _OPENING_BYTES)


def find(index: Path, texts: Sequence[Chosen], config: ScoreConfig) -> Shown:
    """Search for every text."""
    opened = open_index(index)
    began = time.process_time()
    questions = [question_of(each) for each in texts]
    found = [
        [_cut(one.text, config.passage_bytes) for one in opened.search(each, config.passages)] for each in questions
    ]
    seconds = (time.process_time() - began) / max(len(texts), 1)
    opened.close()
    # The best stands last, next to the question: what does not fit is cut from the left.
    return Shown(questions, [each[::-1] for each in found], seconds)


def shown_bits(
    model: Path, decoder: Decoder, codec: Codec, texts: Sequence[Chosen], shown: Shown, stride: int
) -> list[float]:
    """Return the bits for each text: its question by itself, the rest behind passages and question."""
    rests = [each.text[len(asked) :] for each, asked in zip(texts, shown.questions, strict=True)]
    lengths = [len(each) for each in codec.encode_batch(rests)]
    fits = [
        bool(rest.strip()) and size < decoder.config.context - _ROOM for rest, size in zip(rests, lengths, strict=True)
    ]
    alone = [asked if fit else each.text for each, asked, fit in zip(texts, shown.questions, fits, strict=True)]
    bits = [float(each) for each in document_bits(decoder, codec.encode_batch(alone), codec.bos, stride)]
    asked = [(shown.prompt(number), [rests[number]]) for number, fit in enumerate(fits) if fit]
    weighed = iter(Weigher(model).weigh(asked))
    return [
        each - next(weighed)[0].log_probability / math.log(2) if fit else each
        for each, fit in zip(bits, fits, strict=True)
    ]


def _cut(text: str, size_bytes: int) -> str:
    return text.encode("utf-8")[:size_bytes].decode("utf-8", errors="ignore")
