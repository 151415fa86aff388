"""The steps that turn a dataset into a tokenizer: `train` learns one, `cut` takes the beginning of a larger one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from ingot.core.errors import InputError
from ingot.core.events import Emit
from ingot.core.tables import parts
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.tokenizer import measure as measuring
from ingot.tokenizer.codec import Codec, read_tokenizer
from ingot.tokenizer.config import Config, CutConfig
from ingot.tokenizer.nested import best, sizes
from ingot.tokenizer.published import as_facts
from ingot.tokenizer.sample import Share, sample_texts, share_of
from ingot.tokenizer.splitting import recognise
from ingot.tokenizer.train import extend, learn, shrink, write
from ingot.tokenizer.vocabulary import SPECIALS

# What other artifacts may be handed in as: a tokenizer to go on from, and one to compare with.
BASE, GENERAL = "base", "general"

_TEXTS_BETWEEN_REPORTS = 64


def train(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Learn a vocabulary from the dataset's training text, write it, and measure it on the held-out text.

    With an input `base`, its vocabulary is extended instead; it, or the input `general`, is measured on the same text.
    """
    dataset = inputs["dataset"].path
    files = parts(dataset, "train")
    share = share_of(files, config.sample_bytes, config.temperature)
    if not share.total_bytes:
        raise _no_text(dataset)
    texts = _Counted(sample_texts(files, share), share, context.emit)
    tokenizer = _learned(config, texts, inputs)
    openings = _openings(dataset)
    codec, worth = _measured(tokenizer, openings)
    table = sizes(tokenizer, worth.uses, worth.counts["bytes"])
    if config.width:
        tokenizer = shrink(tokenizer, best(table, config.layer_parameters, config.width).vocabulary)
        codec, worth = _measured(tokenizer, openings)
    write(tokenizer, context.folder)
    return {
        "asked_vocabulary": config.vocabulary,
        "learned_bytes": texts.bytes,
        "learned_fraction": round(min(1.0, texts.bytes / share.total_bytes), 6),
        "learned_fraction_by_language": _rounded(share.fractions) if config.temperature > 1.0 else {},
        **_described(codec, worth, openings, inputs),
        "bytes_per_token_by_vocabulary": [asdict(size) for size in table],
    }


def cut(config: CutConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Take the first tokens of the `tokenizer`, and measure them on the `dataset`: no text is learned from again.

    It is the vocabulary that learning from the same text would have given at this size. With an input `general`, that
    one is measured on the same text.
    """
    whole = Codec.load(inputs["tokenizer"].path).tokenizer
    _refuse_extended(whole)
    openings = _openings(inputs["dataset"].path)
    _, worth = _measured(whole, openings)
    table = sizes(whole, worth.uses, worth.counts["bytes"])
    tokenizer = shrink(whole, min(config.vocabulary, whole.get_vocab_size()))
    write(tokenizer, context.folder)
    return {
        "asked_vocabulary": config.vocabulary,
        **_described(*_measured(tokenizer, openings), openings, inputs),
        "bytes_per_token_by_vocabulary": [asdict(size) for size in table],
    }


def _openings(dataset: Path) -> list[measuring.Opening]:
    """Return texts to measure on: held out, or, where none is, those that were learned from."""
    found = (list(measuring.openings(parts(dataset, table))) for table in ("held_out", "train"))
    return next(filter(None, found), [])


def _measured(tokenizer: Tokenizer, openings: Sequence[measuring.Opening]) -> tuple[Codec, measuring.Worth]:
    codec = Codec(tokenizer)
    return codec, measuring.worth(codec, openings)


def _described(
    codec: Codec, worth: measuring.Worth, openings: Sequence[measuring.Opening], inputs: Mapping[str, Artifact]
) -> dict[str, Any]:
    """Return what a vocabulary is, what it was worth on texts, and what others do on them."""
    general = inputs.get(GENERAL) or inputs.get(BASE)
    return {
        "vocabulary": codec.vocabulary,
        "splitting": _splitting(codec.tokenizer),
        "terms": len(codec.terms),
        **measuring.figures(worth, codec),
        "published": as_facts(),
        "beside": measuring.compare(worth, read_tokenizer(general.path), openings) if general else {},
    }


def _refuse_extended(tokenizer: Tokenizer) -> None:
    content = json.loads(tokenizer.to_str())
    last_learned = max(content["model"]["vocab"].values())
    behind = [token["id"] for token in content["added_tokens"] if token["id"] > last_learned]
    if len(content["added_tokens"]) - len(behind) != len(SPECIALS):
        raise InputError(
            "this vocabulary cannot be cut",
            where="tokenizer, input tokenizer",
            why="it goes on from another one, and a model made for that one needs all of its tokens",
            fix="cut one that was learned from nothing, or leave it whole",
        )


def _learned(config: Config, texts: _Counted, inputs: Mapping[str, Artifact]) -> Tokenizer:
    if BASE in inputs:
        if config.width:
            raise InputError(
                "the size of an extended vocabulary cannot be chosen",
                where="tokenizer, options width and layer_parameters",
                why="every token of the base stays, because a model knows them by their numbers",
                fix="leave both out and give the size with vocabulary",
            )
        return extend(read_tokenizer(inputs[BASE].path), texts, config.vocabulary, config.terms)
    return learn(texts, config.vocabulary, config.splitting, config.terms, config.indentation)


def _splitting(tokenizer: Tokenizer) -> str:
    rule = recognise(json.loads(tokenizer.to_str()))
    assert rule is not None, "learned with one that is known"
    return rule.name


def _rounded(fractions: Mapping[str, float]) -> dict[str, Any]:
    return {name: round(fraction, 6) for name, fraction in fractions.items()}


def _no_text(dataset: Path) -> InputError:
    return InputError(
        "there is no text to learn a vocabulary from",
        where=str(dataset / "train.parquet"),
        why="curation kept no document for training",
        fix="look at dropped.parquet beside it for the reasons, and add documents",
    )


class _Counted:
    """Pass texts on, adding up their bytes and reporting progress."""

    def __init__(self, texts: Iterator[str], share: Share, emit: Emit) -> None:
        self._texts, self._expected, self._emit = texts, share.sample_bytes, emit
        self.bytes = 0

    def __iter__(self) -> Iterator[str]:
        for number, text in enumerate(self._texts):
            self.bytes += len(text.encode())
            if number % _TEXTS_BETWEEN_REPORTS == 0:
                self._emit("progress", done=min(self.bytes, self._expected), total=self._expected, unit="bytes")
            yield text
