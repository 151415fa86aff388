"""A model that tells classes apart, at work: texts in, a probability for each class out.

It reads the folder that a training with the objective `classification` makes, which is the one transformers opens for
sequence classification. A text stands between the beginning and the end mark, as in training; of one that is longer
than the context the beginning is read. Texts do not see one another, so an answer does not depend on its neighbours.

Shapes: N texts, T tokens, C classes.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ingot.model.heads import Documents, class_logits, load_classifier
from ingot.tokenizer.codec import Codec

_AT_ONCE = 16
_MARKS = 2  # the beginning and the end


class Classifier:
    """A classification model of a folder. Raises InputError when the folder holds another kind of model."""

    def __init__(self, model_folder: Path) -> None:
        decoder, self.labels = load_classifier(model_folder)
        self._decoder = decoder.eval()
        self.codec = Codec.load(model_folder)
        self.context = self._decoder.config.context
        self._turn = threading.Lock()  # one batch at a time: more would only share the same cores

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return what is read of each text."""
        room = self.context - _MARKS
        return [[self.codec.bos, *ids[:room], self.codec.eos] for ids in self.codec.encode_batch(list(texts))]

    def probabilities(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return the probability of every class for every text, [N, C]; each row adds up to 1."""
        found = [self._some(tokens[begin : begin + _AT_ONCE]) for begin in range(0, len(tokens), _AT_ONCE)]
        return np.concatenate([np.empty((0, len(self.labels)), np.float32), *found])

    def scores(self, text: str) -> dict[str, float]:
        """Return the probability of every class for one text, by name."""
        return dict(zip(self.labels, self.probabilities(self.tokens([text]))[0].tolist(), strict=True))

    @torch.inference_mode()
    def _some(self, texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        longest = max(map(len, texts))
        # What fills a row stands behind the text, so nothing of the text can see it.
        tokens_NT = torch.tensor([[*text, *[self.codec.pad] * (longest - len(text))] for text in texts])
        ends_N = torch.tensor([row * longest + len(text) - 1 for row, text in enumerate(texts)])
        with self._turn:
            documents = Documents(ends_N, torch.empty(0))  # classes read ends only
            logits_NC = class_logits(self._decoder, self._decoder(tokens_NT), documents)
        return logits_NC.softmax(-1).numpy()
