"""The score of one arm: bits for every text, labels told, texts recited, and what it cost to train and to answer.

Everything is kept item by item, so that arms are compared on the same items.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ingot.core.storage import write_atomically
from ingot.evaluate.bits import bits_per_byte, document_bits
from ingot.evaluate.evidence import meter
from ingot.evaluate.evidence.answers import cost_of
from ingot.evaluate.evidence.choosing import EXAMPLE, GENERAL, ITEM, KNOWN, OWN, Chosen, read_chosen
from ingot.evaluate.evidence.config import ScoreConfig
from ingot.evaluate.evidence.labels import told_by_model
from ingot.evaluate.evidence.passages import find, question_of, shown_bits
from ingot.evaluate.evidence.reciting import recited
from ingot.evaluate.intervals import Interval, wilson
from ingot.evaluate.likelihood import Weigher
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.convert import load
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec

SCORE_FILE, INDEX = "score.json", "index"
_PARTS = ("texts", "labels", "recited", "answers")
_USUAL_ANSWER_BYTES = 400


def score(config: ScoreConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Measure the `checkpoint` on the `texts`; with an `index`, behind passages that are found in it."""
    # Rounding depends on the number of threads: pin it, so that a repeat on the same machine gives the same digits.
    torch.set_num_threads(context.cores)
    began = time.process_time()
    kept = _behind_passages(config, inputs, context) if INDEX in inputs else _by_itself(config, inputs, context)
    chosen = inputs["texts"].path
    own = read_chosen(chosen, OWN)
    shown = find(inputs[INDEX].path, own[: config.answers], config) if INDEX in inputs else None
    prompts = [
        shown.prompt(number) if shown else question_of(each) for number, each in enumerate(own[: config.answers])
    ]
    cost = cost_of(inputs["checkpoint"].path, prompts, _answer_bytes(own), config)
    if cost and shown:
        cost = replace(cost, processor_seconds=cost.processor_seconds + shown.seconds)
    _progress(context, "answers")
    write_atomically(context.folder / SCORE_FILE, json.dumps(kept) + "\n")
    bits, shares = kept["bits"], {name: kept[name] for name in ("labels", "recited", "recited_unseen")}
    return {
        **{use: as_fact(_interval(bits[use], read_chosen(chosen, use), config)) for use in (OWN, GENERAL)},
        **{name: as_fact(wilson(sum(each), len(each))) if each else None for name, each in shares.items()},
        "answer": asdict(cost) if cost else None,
        "training": training_cost(inputs["checkpoint"], is_given=INDEX in inputs),
        "scoring_seconds": round(time.process_time() - began, 1),
    }


def _by_itself(config: ScoreConfig, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, Any]:
    checkpoint, chosen = inputs["checkpoint"].path, inputs["texts"].path
    decoder, codec = load(checkpoint).eval(), Codec.load(checkpoint)
    bits = {use: _bits(decoder, codec, read_chosen(chosen, use), config) for use in (OWN, GENERAL)}
    _progress(context, "texts")
    examples, items = (read_chosen(chosen, use) for use in (EXAMPLE, ITEM))
    right = told_by_model(decoder, codec, examples, items).right.tolist() if items else []
    _progress(context, "labels")
    own, weigher = read_chosen(chosen, OWN), Weigher(checkpoint)
    known = recited(weigher, read_chosen(chosen, KNOWN), config)
    unknown = recited(weigher, own[: len(known)], config)
    _progress(context, "recited")
    return {"bits": bits, "labels": right, "recited": known, "recited_unseen": unknown}


def _behind_passages(config: ScoreConfig, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, Any]:
    """Score texts alone: what a model knows by itself is told where it stands by itself."""
    checkpoint, chosen = inputs["checkpoint"].path, inputs["texts"].path
    decoder, codec = load(checkpoint).eval(), Codec.load(checkpoint)
    bits = {}
    for use in (OWN, GENERAL):
        texts = read_chosen(chosen, use)
        shown = find(inputs[INDEX].path, texts, config)
        bits[use] = shown_bits(checkpoint, decoder, codec, texts, shown, _stride(decoder, config))
    _progress(context, "texts")
    return {"bits": bits, "labels": [], "recited": [], "recited_unseen": []}


def read_score(folder: Path) -> dict[str, Any]:
    """Return what was kept item by item."""
    kept: dict[str, Any] = json.loads((folder / SCORE_FILE).read_text(encoding="utf-8"))
    return kept


def training_cost(checkpoint: Artifact, *, is_given: bool = False) -> dict[str, Any]:
    """Return what the training took: processor seconds, seconds on the wall, joules, tokens; nothing when it was given.

    Processor seconds are None where nobody counted them.
    """
    facts, record = checkpoint.facts, checkpoint.record
    seconds = 0.0 if is_given else meter.spent(checkpoint.path)
    return {
        "processor_seconds": None if seconds is None else round(seconds, 1),
        "seconds": 0.0 if is_given else round(record.seconds, 1),
        "joules": 0.0 if is_given else record.joules,
        "method": record.energy_method,
        "tokens": 0 if is_given else facts["tokens"],
        "steps": 0 if is_given else facts["steps"],
        "parameters": facts["parameters"],
    }


def as_fact(interval: Interval) -> dict[str, float | None]:
    """Return a figure with its interval as JSON literals."""
    return {name: None if value is None else round(value, 5) for name, value in asdict(interval).items()}


def _bits(decoder: Decoder, codec: Codec, texts: Sequence[Chosen], config: ScoreConfig) -> list[float]:
    ids = codec.encode_batch([each.text for each in texts])
    return [float(each) for each in document_bits(decoder, ids, codec.bos, _stride(decoder, config))]


def _stride(decoder: Decoder, config: ScoreConfig) -> int:
    return max(int(decoder.config.context * config.stride_share), 1)


def _interval(bits: Sequence[float], texts: Sequence[Chosen], config: ScoreConfig) -> Interval:
    sizes = np.array([each.bytes for each in texts], dtype=np.int64)
    return bits_per_byte(np.array(bits), sizes, config.resamples, config.seed)


def _answer_bytes(texts: Sequence[Chosen]) -> int:
    """Return how long an answer is in the mean; documents without a question have none, and a usual one is taken."""
    sizes = [each.bytes - each.question_bytes for each in texts if each.question_bytes]
    return round(float(np.mean(sizes))) if sizes else _USUAL_ANSWER_BYTES


def _progress(context: StepContext, part: str) -> None:
    context.emit("progress", done=_PARTS.index(part) + 1, total=len(_PARTS), unit="parts")
