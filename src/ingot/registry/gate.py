"""What a release asks before a version may answer: a gate that this very version has passed.

The gate is an artifact, made above this room; here only its facts are read. It counts for one model, by reference and
fingerprint, held against the version that answers now, by exactly the rules of the release. The newest such gate
decides, so that one that failed is not outlived by an older one that passed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ingot.core.errors import GateError
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home

GATE = "Gate"
_MODEL, _AGAINST = "model", "against"


def gate_of(home: Home, name: str, rules: Mapping[str, Any], version: str, serving: str) -> Artifact:
    """Return the gate that lets a version answer under a name in the place of the one that does.

    Raises GateError when there is none, or the newest says fail or unsure; what to do is said.
    """
    model, before = home.get(version), home.get(serving)
    own = [each for each in home.all() if each.kind == GATE and _is_of(each, _MODEL, model)]
    counting = [each for each in own if _same(each.record.config.get("rules"), rules)]
    held = [each for each in counting if _is_of(each, _AGAINST, before)]
    if not held:
        raise _never(name, version, own, counting, serving)
    newest = max(held, key=lambda each: each.version)
    verdict = newest.facts.get("verdict")
    if verdict == "pass":
        return newest
    reasons: Sequence[str] = newest.facts.get("reasons") or ("it gave no reason",)
    what = "failed its gate" if verdict == "fail" else "has no clear verdict from its gate"
    raise GateError(
        f"{version} {what}, and {name!r} demands one that was passed",
        where=newest.reference,
        why="; ".join(str(each) for each in reasons[:3]),
        fix=f"make it better and ask again: ingot gate {version} --release {name}; or {_despite(name, version)}",
    )


def _never(name: str, version: str, own: Sequence[Artifact], counting: Sequence[Artifact], serving: str) -> GateError:
    if counting:
        against = ", ".join(sorted({str(each.facts.get(_AGAINST) or "nothing") for each in counting}))
        why = f"it was held against {against}, and {serving} answers now"
    elif own:
        why = f"it was asked by other rules ({', '.join(each.reference for each in own)})"
    else:
        why = "nobody has asked whether it may"
    return GateError(
        f"{version} has not passed the gate that {name!r} demands",
        where=name,
        why=why,
        fix=f"ingot gate {version} --release {name}; or {_despite(name, version)}",
    )


def _despite(name: str, version: str) -> str:
    return f"say why it may answer anyway: ingot release promote {name} {version} --despite REASON"


def _is_of(gate: Artifact, name: str, model: Artifact) -> bool:
    record = gate.record
    known = record.inputs.get(name), record.input_fingerprints.get(name)
    return known == (model.reference, model.fingerprint)


def _same(one: object, other: object) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
