"""The step that moves a checkpoint to another vocabulary, for training to go on from.

Every layer stays as it is; the rows of the embedding, and of the output matrix where it is not tied, are made from the
old ones (tokenizer/transfer says how). The result is a model folder like any other: it answers, it can be evaluated,
and it is where continued pre-training begins. Weights are written in fp32.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from ingot.core.errors import InputError
from ingot.core.storage import fsync_tree
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.convert import SpecialTokens, load, save
from ingot.model.embedding import with_vocabulary
from ingot.tokenizer.codec import Codec, read_tokenizer
from ingot.tokenizer.config import MoveConfig
from ingot.tokenizer.transfer import transfer
from ingot.train.publishing import copy_tokenizer, model_facts


def move(config: MoveConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Give the `checkpoint`, a model folder with its tokenizer, the vocabulary of the `tokenizer`.

    Raises InputError for a model that the decoder does not compute, and when a vocabulary is not byte-level BPE.
    """
    old_folder, new_folder = inputs["checkpoint"].path, inputs["tokenizer"].path
    codec = Codec.load(new_folder)
    moved = transfer(read_tokenizer(old_folder), codec.tokenizer)
    old = load(old_folder)
    if old.config.vocabulary < moved.old_vocabulary:
        raise InputError(
            f"the tokenizer has {moved.old_vocabulary} tokens, the model rows for {old.config.vocabulary}",
            where=str(old_folder),
            why="some tokens have no row that new ones could be made of",
            fix="take the tokenizer and the weights from the same model",
        )
    decoder = with_vocabulary(old, partial(moved.rows, seed=config.seed))
    special = SpecialTokens(bos=codec.bos, ends=(codec.eos, codec.end_of_turn), pad=codec.pad)
    save(decoder, context.folder, special)
    copy_tokenizer(new_folder, context.folder)
    fsync_tree(context.folder)
    counts = np.diff(moved.starts)
    return {
        **model_facts(decoder),
        "vocabulary": moved.vocabulary,
        "old_vocabulary": moved.old_vocabulary,
        "rows_kept": moved.kept,
        "rows_from_parts": int(np.count_nonzero(counts > 1)),
        "rows_drawn": int(np.count_nonzero(counts == 0)),
    }
