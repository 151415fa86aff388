"""The evaluate step: measure the finished model on text it has not seen, beside honest baselines, and write the report.

1. choose the held-out text that is scored: the same bytes for everyone
2. score the model, zstd with the training text, and an n-gram model of it; where it went on from a model, that one too
3. let the model continue three held-out documents
4. write metrics.json, samples.json and report.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from ingot.core.hardware import machine
from ingot.core.storage import write_atomically
from ingot.evaluate import dictionary, ngram
from ingot.evaluate.bits import bits_per_byte
from ingot.evaluate.config import EvaluateConfig
from ingot.evaluate.continued import compare, model_bits
from ingot.evaluate.held_out import Text, held_out_texts, training_text
from ingot.evaluate.report import Report, render
from ingot.evaluate.samples import Sample, continuations
from ingot.evaluate.story import Scores
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.infer.engine import REFERENCE_ENGINE, build

# What there is to do, in this order: whoever watches is told after each how many are done.
_PARTS = ("model", "zstd", "n-gram", "samples", "report")


def evaluate(config: EvaluateConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Measure the checkpoint and write the report; returns the figures."""
    # Rounding depends on the number of threads: pin it, so that a repeat on the same machine gives the same digits.
    torch.set_num_threads(context.cores)
    texts = held_out_texts(inputs["dataset"].path, config.held_out_bytes)
    scores = score(texts, config, inputs, context)
    continued = compare(texts, config, inputs)
    samples = write_samples(texts, config, inputs, context)
    page = render(Report(inputs, scores, samples, machine(), continued))
    facts = {**as_facts(scores, samples), **(continued.as_facts() if continued else {})}
    write_atomically(context.folder / "metrics.json", json.dumps({**facts, "limits": asdict(config)}, indent=1) + "\n")
    write_atomically(context.folder / "report.html", page)
    _progress(context, "report")
    return facts


def score(
    texts: Sequence[Text], config: EvaluateConfig, inputs: Mapping[str, Artifact], context: StepContext
) -> Scores:
    """Score the model and the baselines on the same texts."""
    documents = [text.text.encode("utf-8") for text in texts]
    sizes = np.array([len(document) for document in documents], dtype=np.int64)
    own = model_bits(texts, inputs["checkpoint"].path, inputs, config)
    _progress(context, "model")
    # The nearest thing to "all of the training text" that fits the limit.
    known = b"\n".join(training_text(inputs["dataset"].path, config.dictionary_bytes))[: config.dictionary_bytes]
    packed = dictionary.bits(known, documents)
    _progress(context, "zstd")
    counted = training_text(inputs["dataset"].path, config.ngram_bytes)
    guessed = ngram.bits(ngram.train(counted, config.ngram_order), documents)
    _progress(context, "n-gram")
    return Scores(
        model=bits_per_byte(own, sizes, config.resamples, config.seed),
        zstd=float(packed.sum() / sizes.sum()),
        ngram=float(guessed.sum() / sizes.sum()),
        ngram_name=ngram.describe(config.ngram_order),
        documents=len(texts),
        bytes=int(sizes.sum()),
        dictionary_bytes=len(known),
        counted_bytes=sum(map(len, counted)),
    )


def write_samples(
    texts: Sequence[Text], config: EvaluateConfig, inputs: Mapping[str, Artifact], context: StepContext
) -> list[Sample]:
    """Let the model continue held-out openings, write samples.json and tell each sample."""
    with closing(build(REFERENCE_ENGINE, inputs["checkpoint"].path)) as engine:
        samples = continuations(engine, texts, config)
    for sample in samples:
        context.emit("sample", prompt=sample.prompt, text=sample.continuation)
    rows = [asdict(sample) for sample in samples]
    write_atomically(context.folder / "samples.json", json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    _progress(context, "samples")
    return samples


def as_facts(scores: Scores, samples: Sequence[Sample]) -> dict[str, Any]:
    """Return the figures as JSON literals."""
    low, high = scores.model.low, scores.model.high
    return {
        "bits_per_byte": round(scores.model.value, 4),
        "interval": None if low is None or high is None else [round(low, 4), round(high, 4)],
        "zstd_bits_per_byte": round(scores.zstd, 4),
        "ngram_bits_per_byte": round(scores.ngram, 4),
        "ngram": scores.ngram_name,
        "scored_documents": scores.documents,
        "scored_bytes": scores.bytes,
        "zstd_dictionary_bytes": scores.dictionary_bytes,
        "ngram_counted_bytes": scores.counted_bytes,
        "samples": [asdict(sample) for sample in samples],
    }


def _progress(context: StepContext, part: str) -> None:
    context.emit("progress", done=_PARTS.index(part) + 1, total=len(_PARTS), unit="parts")
