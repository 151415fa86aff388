"""Is what the version in use knew still known: a task of the old domain, or bits per byte of old text in the report.

The report of a training that went on from a model has both figures over the same documents, without an interval. A task
has every item, so it is tested as quality is.
"""

from __future__ import annotations

from ingot.evaluate.gating.claim import Claim
from ingot.evaluate.gating.given import Given, NotAsked, no_version_in_use
from ingot.evaluate.gating.quality import compare
from ingot.evaluate.gating.rules import Forgetting

KIND = "forgetting"
_BEFORE, _AFTER = "old_before_bits_per_byte", "old_bits_per_byte"


def claim(rule: Forgetting, given: Given) -> Claim | NotAsked:
    """Return what the requirement comes to."""
    if rule.task:
        return compare(KIND, rule.task, "", rule.margin, given)
    demands = f"old text: at most {100 * rule.margin:.3g}% more bits per byte"
    if given.against is None:
        return no_version_in_use(KIND, demands)
    facts = given.report.facts if given.report is not None else {}
    if _BEFORE not in facts or _AFTER not in facts:
        names = (given.against.reference, given.model.reference)
        why = f"no report says what {names[1]} still knows of what {names[0]} was trained on; ask both its documents"
        asks = " && ".join(f"ingot evaluate {name} --task documents --dataset OLD-DATASET --name old" for name in names)
        return given.missing(KIND, demands, why, asks)
    before, after = float(facts[_BEFORE]), float(facts[_AFTER])
    is_kept = after <= before * (1 + rule.margin)
    found = f"{after:.4g} bits per byte of old text, was {before:.4g}: {100 * (after / before - 1):+.2f}%"
    return Claim(KIND, demands, found, is_kept, not is_kept, figures={"value": after, "before": before})
