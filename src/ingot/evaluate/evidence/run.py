"""The step that compares the arms: evidence.json with every figure, and evidence.html that a manager can read.

1. read the arms from their scores, and what was counted without a model
2. hold the own model against every other, on own and on general text, document by document
3. say it in three sentences, and where the own model loses
4. write both files
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.evaluate.evidence import losses, verdict
from ingot.evaluate.evidence.arms import COMPUTE, STATIC, Arm, read_arms
from ingot.evaluate.evidence.choosing import GENERAL, OWN, read_chosen
from ingot.evaluate.evidence.config import EvidenceConfig
from ingot.evaluate.evidence.counted import read_counted
from ingot.evaluate.evidence.page import PAGE_FILE, Comparison, render
from ingot.evaluate.evidence.pairing import figure
from ingot.evaluate.evidence.scoring import as_fact
from ingot.evaluate.intervals import wilson
from ingot.evaluate.paired import Paired, mcnemar
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext

EVIDENCE_FILE = "evidence.json"


def compare(config: EvidenceConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Compare the arms and write the page."""
    arms = read_arms(inputs)
    own = next((arm for arm in arms if arm.arm == OWN and arm.basis == COMPUTE), None)
    others = [arm for arm in arms if arm is not own]
    if own is None or not others:
        raise InputError("there is nothing to compare", where=str(context.folder), fix="score `own` and another arm")
    on_own, on_general = (verdict.compared(own, others, config, on) for on in (OWN, GENERAL))
    counted = inputs["counted"].facts
    static = {name: float(counted[f"{name}_bits_per_byte"]) for name in STATIC}
    facts = {
        "answer": verdict.answer(own, on_own, on_general, static),
        "notes": verdict.notes(own, on_own),
        "arms": [arm_facts(arm, config, inputs) for arm in arms],
        "compared": [_compared(each, on) for on, some in ((OWN, on_own), (GENERAL, on_general)) for each in some],
        "static": static,
        "words_label_accuracy": counted["label_accuracy"],
        "labels_beside_words": [asdict(each) for each in _beside_words(own, inputs)],
        "own_bytes": inputs["texts"].facts["own_bytes"],
        "general_bytes": inputs["texts"].facts["general_bytes"],
        "own_documents": inputs["texts"].facts["own"],
        "general_documents": inputs["texts"].facts["general"],
        "seeds": len(own.facts),
        "largest_deviation": deviation(arms),
    }
    beside = _beside(on_own, OWN), _beside(on_general, GENERAL)
    comparison = Comparison(
        inputs=inputs,
        arms=arms,
        facts=facts,
        by_label=_parts(own, beside[0], inputs, OWN, config),
        by_kind=_parts(own, beside[1], inputs, GENERAL, config),
        beside_on_own=beside[0],
        beside_on_general=beside[1],
        lost=losses.share_lost(own.own, beside[0].own),
        worst=losses.worst(own.own, beside[0].own, read_chosen(inputs["texts"].path, OWN)),
    )
    write_atomically(context.folder / EVIDENCE_FILE, json.dumps({**facts, "settings": asdict(config)}, indent=1) + "\n")
    write_atomically(context.folder / PAGE_FILE, render(comparison))
    return facts


def arm_facts(arm: Arm, config: EvidenceConfig, inputs: Mapping[str, Artifact]) -> dict[str, Any]:
    """Return an arm's figures as JSON literals."""
    text = inputs["courses"].facts["bytes_per_token"]
    tokens = arm.training("tokens")
    covers = text.get(arm.arm)
    return {
        "arm": arm.arm,
        "basis": arm.basis,
        "name": arm.name,
        "own": _figure(arm, OWN, config),
        "general": _figure(arm, GENERAL, config),
        "seeds": [round(each, 5) for each in arm.own.by_seed],
        "labels": _wilson(arm.labels),
        "recited": _wilson(arm.shares("recited")),
        "recited_unseen": _wilson(arm.shares("recited_unseen")),
        "parameters": arm.facts[0]["training"]["parameters"],
        "steps": arm.facts[0]["training"]["steps"],
        "bytes_seen": None if tokens is None or covers is None else round(tokens * covers),
        "processor_seconds": arm.training("processor_seconds"),
        "joules": arm.training("joules"),
        "energy_method": arm.facts[0]["training"]["method"],
        "answer_seconds": arm.answer("processor_seconds"),
        "answer_joules": arm.answer("joules"),
    }


def deviation(arms: Sequence[Arm]) -> float | None:
    """Return how far a training at equal compute is from their mean processor seconds, at most, as a share."""
    seconds = [arm.training("processor_seconds") for arm in arms if arm.basis == COMPUTE]
    known = [each for each in seconds if each]
    if len(known) < 2:
        return None
    mean = sum(known) / len(known)
    return round(max(abs(each / mean - 1) for each in known), 4)


def _figure(arm: Arm, on: str, config: EvidenceConfig) -> dict[str, float | None]:
    return as_fact(figure(arm.own if on == OWN else arm.general, config.resamples, config.seed, config.level))


def _wilson(right: Sequence[bool]) -> dict[str, float | None] | None:
    return as_fact(wilson(sum(right), len(right))) if right else None


def _compared(each: verdict.Compared, on: str) -> dict[str, Any]:
    share = as_fact(each.share)
    return {"arm": each.arm.arm, "basis": each.arm.basis, "on": on, "fewer": share, "shows": each.shows}


def _beside_words(own: Arm, inputs: Mapping[str, Artifact]) -> list[Paired]:
    """Hold each seed's labels against those told by the words alone."""
    words = read_counted(inputs["counted"].path)["labels"]
    return [mcnemar(words, kept["labels"]) for kept in own.kept] if words else []


def _beside(compared: Sequence[verdict.Compared], on: str) -> Arm:
    """Return the best other arm at equal compute on a kind of text."""
    at_compute = [each.arm for each in compared if each.arm.basis == COMPUTE]
    return min(at_compute, key=lambda arm: (arm.own if on == OWN else arm.general).value)


def _parts(own: Arm, other: Arm, inputs: Mapping[str, Artifact], on: str, config: EvidenceConfig) -> list[losses.Part]:
    texts = read_chosen(inputs["texts"].path, on)
    if on == OWN:
        return losses.parts(own.own, other.own, [each.label for each in texts], config)
    return losses.parts(own.general, other.general, [each.group for each in texts], config)
