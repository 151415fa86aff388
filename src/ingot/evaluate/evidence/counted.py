"""What one gets without a model: the same texts by zstd, by counting n-grams, and labels by the words alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ingot.core.storage import write_atomically
from ingot.evaluate import dictionary, ngram
from ingot.evaluate.evidence.choosing import EXAMPLE, GENERAL, ITEM, OWN, read_chosen
from ingot.evaluate.evidence.config import CountConfig
from ingot.evaluate.evidence.labels import told_by_words
from ingot.evaluate.held_out import training_text
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext

COUNTED_FILE = "counted.json"
_USES = (OWN, GENERAL)


def count(config: CountConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Score the `texts` by what can be counted in the training text of the dataset `own`."""
    torch.set_num_threads(context.cores)
    texts = read_chosen(inputs["texts"].path, OWN, GENERAL)
    scored = [each.text.encode("utf-8") for each in texts]
    sizes = [len(each) for each in scored]
    known = b"\n".join(training_text(inputs[OWN].path, config.dictionary_bytes))[: config.dictionary_bytes]
    model = ngram.train(training_text(inputs[OWN].path, config.ngram_bytes), config.ngram_order)
    by_name = {"zstd": dictionary.bits(known, scored), "ngram": ngram.bits(model, scored)}
    bits = {
        name: {use: [float(each) for text, each in zip(texts, found, strict=True) if text.use == use] for use in _USES}
        for name, found in by_name.items()
    }
    examples, items = (read_chosen(inputs["texts"].path, use) for use in (EXAMPLE, ITEM))
    right = told_by_words(examples, items).right.tolist() if items else []
    write_atomically(context.folder / COUNTED_FILE, json.dumps({"bits": bits, "labels": right}) + "\n")
    own_bytes = sum(size for text, size in zip(texts, sizes, strict=True) if text.use == OWN)
    return {
        **{f"{name}_bits_per_byte": round(sum(found[OWN]) / own_bytes, 4) for name, found in bits.items()},
        "ngram": ngram.describe(config.ngram_order),
        "label_accuracy": round(sum(right) / len(right), 4) if right else None,
    }


def read_counted(folder: Path) -> dict[str, Any]:
    """Return what was kept item by item: bits by baseline and use, and which labels the words told right."""
    kept: dict[str, Any] = json.loads((folder / COUNTED_FILE).read_text(encoding="utf-8"))
    return kept
