"""The audit step: what a model learned by heart of the text it was trained on, and whether that is too much.

1. the canaries in its training text: how well each is known beside controls that it never read (canaries, exposure)
2. passages of training documents, and of held-out ones: which of them it says word for word (passages)
3. texts that it writes: what personal data from the training text is in them (disclosure)
4. the verdict, with its reasons (verdict), audit.json and canaries.jsonl

Nothing but the checkpoint and its shards is needed, so a model of any age is audited in the same way. What the shards
cannot tell, because no canaries were put in or the text was too short for them, is said and never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ingot.core.storage import write_atomically
from ingot.data.canaries import read
from ingot.data.shards import Shards
from ingot.evaluate import canaries, passages
from ingot.evaluate.canaries import Asked
from ingot.evaluate.config import AuditConfig
from ingot.evaluate.disclosure import Disclosed, Written, disclosed, write
from ingot.evaluate.exposure import upper_bound
from ingot.evaluate.likelihood import Weigher
from ingot.evaluate.verdict import judged
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.low_rank import CONFIG_FILE as ADAPTER_CONFIG
from ingot.model.low_rank import adapting
from ingot.tokenizer.codec import Codec

AUDIT_FILE, CANARIES_FILE = "audit.json", "canaries.jsonl"
_PARTS = ("canaries", "passages", "personal data")


def audit(config: AuditConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Measure what the `checkpoint` learned by heart of the `shards`, and judge it; one of adapters needs its `start`.

    Without shards there is no verdict. Raises InputError for shards or a list of canaries that are damaged.
    """
    # Rounding depends on the number of threads: pin it, so that a repeat on the same machine gives the same digits.
    torch.set_num_threads(context.cores)
    trained = {name: one for name, one in sorted(inputs.items()) if one.kind == "Shards"}
    known: dict[str, Any] = {"readings": _readings(inputs["checkpoint"]), "planted": _planted(trained)}
    asked = None
    if trained:
        asked, found = _measure(inputs, trained, config, context)
        known |= found
    facts = judged(_measured(asked, known), config)
    rows = canaries.as_rows(asked) if asked else []
    write_atomically(context.folder / CANARIES_FILE, "".join(json.dumps(row) + "\n" for row in rows))
    write_atomically(context.folder / AUDIT_FILE, json.dumps({**facts, "limits": asdict(config)}, indent=1) + "\n")
    context.emit("note" if facts["verdict"] != "fail" else "warning", text=f"{facts['verdict']}: {facts['reasons'][0]}")
    return facts


def _measure(
    inputs: Mapping[str, Artifact], trained: Mapping[str, Artifact], config: AuditConfig, context: StepContext
) -> tuple[Asked | None, dict[str, Any]]:
    checkpoint = inputs["checkpoint"].path
    # What was trained may be an adapter, which counts only beside the model it started from.
    is_adapter = (checkpoint / ADAPTER_CONFIG).exists()
    folder = inputs["start"].path if is_adapter else checkpoint
    weigher, codec = Weigher(folder, checkpoint if is_adapter else None), Codec.load(folder)
    with adapting(weigher.adapter):
        asked = _asked(weigher, codec, trained, config)
        _progress(context, "canaries")
        tokens = min(config.passage_tokens, weigher.decoder.config.context // 2)
        shown = _passages(trained, tokens, config)
        verbatim = passages.as_facts(tokens, *(passages.recited(weigher, some) for some in shown))
        _progress(context, "passages")
        personal = _personal(weigher, codec, shown[0], [one.path for one in trained.values()], config)
        _progress(context, "personal data")
    return asked, {"verbatim": verbatim, **personal.as_facts()}


def _readings(checkpoint: Artifact) -> float | None:
    """Return how often the text with the canaries was read; None for a checkpoint that does not say."""
    epochs = checkpoint.facts.get("epochs")
    return float(epochs["shards"]) if isinstance(epochs, Mapping) and "shards" in epochs else None


def _planted(trained: Mapping[str, Artifact]) -> Mapping[str, Any] | None:
    """Return what the record says was put in; None where no canaries were wanted."""
    told = [one.facts["canaries"] for one in trained.values() if one.facts.get("canaries")]
    return told[0] if told else None


def _asked(weigher: Weigher, codec: Codec, trained: Mapping[str, Artifact], config: AuditConfig) -> Asked | None:
    for one in trained.values():
        planted = read(one.path, one.facts.get("canaries"))
        if planted is not None and planted.copies:
            return canaries.ask(weigher, codec, planted, config)
    return None


def _passages(
    trained: Mapping[str, Artifact], tokens: int, config: AuditConfig
) -> tuple[list[passages.Passage], list[passages.Passage]]:
    # The new text of a model that went on from another one is `shards`; it comes behind `old` only by its letter.
    folder = (trained.get("shards") or next(iter(trained.values()))).path
    train, held_out = (
        passages.cut(Shards.open(folder, split), config.passages, tokens, config.seed)
        for split in ("train", "held_out")
    )
    return train, held_out


def _personal(
    weigher: Weigher, codec: Codec, shown: Sequence[passages.Passage], folders: Sequence[Path], config: AuditConfig
) -> Disclosed:
    after = [each.shown for each in shown[: config.samples // 2]]
    freely = [(codec.bos,)] * (config.samples - len(after))
    written = [
        *_written(weigher, codec, freely, config, 2 * config.seed),
        *_written(weigher, codec, after, config, 2 * config.seed + 1),
    ]
    return disclosed(written, folders, codec)


def _written(
    weigher: Weigher, codec: Codec, prompts: Sequence[Sequence[int]], config: AuditConfig, seed: int
) -> list[Written]:
    if not prompts:
        return []
    tokens = min(config.sample_tokens, weigher.decoder.config.context - len(prompts[0]))
    texts = write(weigher.decoder, prompts, tokens, config.top_k, codec.vocabulary, codec.eos, seed)
    return [Written(codec.decode(prompt), codec.decode(text)) for prompt, text in zip(prompts, texts, strict=True)]


def _measured(asked: Asked | None, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return every figure as JSON literals, with what was not measured left at nothing."""
    nothing = {"personal_data_extracted": 0, "personal_data_common": 0, "personal_data_types": {}, "samples": 0}
    by_canaries: dict[str, Any] = {"canaries": {}, "extracted_once": 0, "controls": 0, "false_alarms": 0.0}
    if asked is not None:
        levels = canaries.as_facts(asked)
        by_canaries = {
            "canaries": levels,
            "extracted_once": levels.get("1", {"extracted": 0})["extracted"],
            "controls": asked.tried,
            "false_alarms": round(asked.rung / asked.tried, 4),
            "false_alarms_at_most": round(upper_bound(asked.rung, asked.tried), 4),
            "highest_exposure": round(asked.highest, 3),
        }
    return {"verbatim": None, **nothing, **by_canaries, **known}


def _progress(context: StepContext, part: str) -> None:
    context.emit("progress", done=_PARTS.index(part) + 1, total=len(_PARTS), unit="parts")
