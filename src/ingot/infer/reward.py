"""A model of what people prefer, at work: a conversation in, a number out; of two answers the better has the higher.

It reads the folder that a training with the objective `reward` makes. A conversation is framed as in training and read
to its end mark; the number says nothing by itself, only beside that of another answer to the same conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ingot.core.errors import InputError
from ingot.model.heads import class_logits, documents_in, load_classifier
from ingot.tokenizer.chat import Message, Tool, render
from ingot.tokenizer.codec import Codec


class RewardModel:
    """A reward model of a folder. Raises InputError when the folder holds another kind of model."""

    def __init__(self, model_folder: Path) -> None:
        decoder, names = load_classifier(model_folder)
        if len(names) != 1:
            raise InputError(
                "this model tells classes apart and gives no single number",
                where=str(model_folder),
                why=f"its classes are {', '.join(names)}",
                fix="train one with the objective `reward`",
            )
        self._decoder = decoder.eval()
        self.codec = Codec.load(model_folder)
        self.context = self._decoder.config.context

    @torch.inference_mode()
    def score(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> float:
        """Return the number of a whole conversation. Raises InputError for one longer than the model reads.

        Of an answer without its end nobody knows whether it is the better one, so nothing is cut.
        """
        ids = [*render(messages, self.codec, tools=tools).ids, self.codec.eos]
        if len(ids) > self.context:
            raise InputError(
                f"the conversation has {len(ids):,} tokens, and the model reads {self.context:,}",
                where="messages",
                why="an answer without its end cannot be judged",
                fix="leave out the oldest turns, or train a model with a longer context",
            )
        tokens_BT = torch.tensor([ids])
        segments_BT = torch.zeros_like(tokens_BT)
        documents = documents_in(tokens_BT, segments_BT, self.codec.eos)
        return float(class_logits(self._decoder, self._decoder(tokens_BT), documents))
