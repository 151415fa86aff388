"""The gate step: may this model take the place of the version in use? A verdict for every requirement, with its reason.

1. what was measured of both models, as the recipe found it (gating/measured)
2. a claim for every requirement: quality, safety, memorisation, cost, forgetting
3. the verdict of each, with errors bounded over all of them together (gating/claim), and of the whole
4. verdict.json, verdict.md for a pull request, and junit.xml for CI

Nothing is measured here: a gate judges what evaluations, audits and reports have left, and says what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ingot.core.config import literals
from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.evaluate.gating import cost, forgetting, memorising, quality, safety
from ingot.evaluate.gating.claim import PASS, Claim, judged, overall
from ingot.evaluate.gating.given import AGAINST, ASKED, AUDIT, BEFORE, MODEL, REPORT, Given, NotAsked
from ingot.evaluate.gating.junit import as_junit
from ingot.evaluate.gating.markdown import as_markdown
from ingot.evaluate.gating.measured import is_of
from ingot.evaluate.gating.rules import GateConfig, Rules
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext

VERDICT_FILE, MARKDOWN_FILE, JUNIT_FILE = "verdict.json", "verdict.md", "junit.xml"
_ERRORS = (
    "Over all requirements together: a model that is as good fails at most 2.5 times in 100, "
    "and so does one pass that misses a requirement by its margin."
)


def judge(config: GateConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Judge the `model` by the rules, against the model `against` where one is in use."""
    given = _given(config, inputs)
    asked = list(_claims(config.rules, given))
    outcomes = judged([each for each in asked if isinstance(each, Claim)])
    verdict = overall(outcomes)
    facts: dict[str, Any] = {
        "verdict": verdict,
        "model": given.model.reference,
        "model_fingerprint": given.model.fingerprint,
        "against": given.against.reference if given.against else None,
        "against_fingerprint": given.against.fingerprint if given.against else None,
        "reasons": [f"{each.claim.kind}: {each.reason}" for each in outcomes if each.verdict == verdict != PASS],
        "requirements": [each.as_facts() for each in outcomes],
        "not_asked": [vars(each) for each in asked if isinstance(each, NotAsked)],
        "errors": _ERRORS,
    }
    told = json.dumps({**facts, "rules": literals(config.rules)}, indent=1, ensure_ascii=False)
    write_atomically(context.folder / VERDICT_FILE, told + "\n")
    write_atomically(context.folder / MARKDOWN_FILE, as_markdown(facts))
    write_atomically(context.folder / JUNIT_FILE, as_junit(facts))
    return facts


def _given(config: GateConfig, inputs: Mapping[str, Artifact]) -> Given:
    model, against = inputs[MODEL], inputs.get(AGAINST)
    by_task = {
        prefix: {name.removeprefix(prefix): one for name, one in inputs.items() if name.startswith(prefix)}
        for prefix in (ASKED, BEFORE)
    }
    for prefix, owner in ((ASKED, model), (BEFORE, against)):
        for task, one in by_task[prefix].items():
            if owner is None or not is_of(one, owner):
                raise InputError(
                    f"{one.reference} is no evaluation of {owner.reference if owner else 'a version in use'}",
                    where=f"input {prefix}{task}",
                    why="a gate counts for exactly one version",
                    fix="let `ingot gate` choose the evaluations",
                )
    leaves_out = config.rules.not_measured == "leave out"
    asked, before = by_task[ASKED], by_task[BEFORE]
    return Given(model, against, asked, before, inputs.get(AUDIT), inputs.get(REPORT), config.commands, leaves_out)


def _claims(rules: Rules, given: Given) -> Iterator[Claim | NotAsked]:
    for wanted in rules.quality:
        yield from quality.claims(wanted, given)
    for safe in rules.safety:
        yield from safety.claims(safe, given)
    if rules.memorisation:
        yield memorising.claim(given)
    for limit in rules.cost:
        yield from cost.claims(limit, given)
    for kept in rules.forgetting:
        yield forgetting.claim(kept, given)
