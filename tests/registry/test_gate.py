"""A release that demands a gate: only a version that has passed it answers, and whoever passes it over says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import GateError, InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.registry.release import Canary, Release, read_release
from ingot.registry.releasing import Releasing
from tests.registry.made import add

RULES: Mapping[str, Any] = {"quality": [{"task": "exam"}], "memorisation": True}
Gate = Callable[..., None]


@pytest.fixture
def releasing(tmp_path: Path) -> Releasing:
    home = Home(tmp_path / "home")
    for version in (1, 2, 3):
        anew(home, add(home, "acme"), fingerprint=f"weights-{version}")
    releasing = Releasing(home, "ada")
    releasing.promote("acme", "acme@1")
    releasing.demand("acme", RULES)
    return releasing


@pytest.fixture
def gate(releasing: Releasing) -> Gate:
    """Leave a gate as its step would."""

    def made(version: str, verdict: str, against: str = "acme@1", rules: Mapping[str, Any] = RULES) -> None:
        home = releasing.home
        model, other = home.get(version), home.get(against)
        facts = {"verdict": verdict, "reasons": ["quality: exam 4 points less"], "against": against}
        kept = add(home, "acme-gate", "Gate", {}, facts, model=version, against=against)
        known = {"model": model.fingerprint, "against": other.fingerprint}
        anew(home, kept, input_fingerprints=known, config={"rules": rules, "commands": {}})

    return made


def anew(home: Home, artifact: Artifact, **changes: Any) -> None:
    """Write another record for an artifact."""
    record = replace(artifact.record, **changes)
    (artifact.path / "record.json").write_text(record.as_json())


def test_a_version_that_was_never_asked_is_refused(releasing: Releasing) -> None:
    with pytest.raises(GateError) as caught:
        releasing.promote("acme", "acme@2")
    assert "nobody has asked" in caught.value.why
    assert "ingot gate acme@2 --release acme" in caught.value.fix
    assert releasing.file.read()["acme"].stable == "acme@1"


@pytest.mark.parametrize("verdict", ["fail", "unsure"])
def test_a_version_that_failed_or_is_unsure_is_refused(releasing: Releasing, gate: Gate, verdict: str) -> None:
    gate("acme@2", "pass")
    gate("acme@2", verdict)  # the newest decides
    with pytest.raises(GateError) as caught:
        releasing.promote("acme", "acme@2")
    assert caught.value.where == "acme-gate@2"
    assert "exam 4 points less" in caught.value.why


def test_a_version_that_passed_answers_and_the_history_says_which_gate(releasing: Releasing, gate: Gate) -> None:
    gate("acme@2", "pass")
    release = releasing.canary("acme", Canary("acme@2", 0.1))
    assert release.history[-1].what.endswith("acme-gate@1 was passed")
    release = releasing.promote("acme", "acme@2")
    assert release.history[-1].what == "acme@2 was promoted, after acme@1; acme-gate@1 was passed"
    assert release.gate == RULES
    # Back is always free; and what answers already is asked nothing.
    assert releasing.rollback("acme").stable == "acme@1"
    assert releasing.promote("acme", "acme@1").stable == "acme@1"


def test_a_gate_of_another_version_or_pair_or_rules_never_counts(releasing: Releasing, gate: Gate) -> None:
    gate("acme@2", "pass")
    with pytest.raises(GateError, match="acme@3"):
        releasing.promote("acme", "acme@3")
    gate("acme@3", "pass", against="acme@2")
    with pytest.raises(GateError) as caught:
        releasing.promote("acme", "acme@3")
    assert "held against acme@2, and acme@1 answers now" in caught.value.why
    gate("acme@3", "pass", rules={"memorisation": True})
    releasing.promote("acme", "acme@2")
    releasing.promote("acme", "acme@3")  # against acme@2, which answers now


def test_rules_of_its_own_choice_do_not_count(releasing: Releasing, gate: Gate) -> None:
    gate("acme@2", "pass", rules={"memorisation": True})
    with pytest.raises(GateError) as caught:
        releasing.promote("acme", "acme@2")
    assert "other rules" in caught.value.why


def test_a_model_made_anew_under_the_same_number_is_another_one(releasing: Releasing, gate: Gate) -> None:
    gate("acme@2", "pass")
    anew(releasing.home, releasing.home.get("acme@2"), fingerprint="other-weights")
    with pytest.raises(GateError, match="acme@2"):
        releasing.promote("acme", "acme@2")


def test_who_passes_a_gate_over_says_why(releasing: Releasing, gate: Gate) -> None:
    gate("acme@2", "fail")
    with pytest.raises(UsageError, match="no reason"):
        releasing.promote("acme", "acme@2", despite="  ")
    release = releasing.promote("acme", "acme@2", despite="the old one\nleaks prices")
    told = release.history[-1].what
    assert told.startswith("acme@2 was promoted, after acme@1, though acme@2 failed its gate")
    assert told.endswith(": the old one leaks prices")
    releasing.demand("acme", None)
    assert releasing.file.read()["acme"].history[-1].what == "its gate is asked no more"
    with pytest.raises(UsageError, match="demands no gate"):
        releasing.promote("acme", "acme@3", despite="in a hurry")
    with pytest.raises(UsageError, match="demands no gate"):
        releasing.demand("acme", None)
    assert releasing.promote("acme", "acme@3").stable == "acme@3"


def test_canaries_are_heard_too_and_shadows_are_not(releasing: Releasing) -> None:
    with pytest.raises(GateError):
        releasing.canary("acme", Canary("acme@2", 0.1))
    assert releasing.shadow("acme", "acme@2").shadow == "acme@2"
    assert releasing.canary("acme", Canary("acme@2", 0.1), despite="a trial").history[-1].what.endswith(": a trial")
    with pytest.raises(UsageError, match="cannot follow"):
        releasing.follow("acme", "acme")


def test_a_name_that_followed_the_newest_stays_with_the_one_that_answers(tmp_path: Path) -> None:
    home = Home(tmp_path / "another")
    add(home, "acme")
    releasing = Releasing(home, "ada")
    release = releasing.demand("acme", RULES)
    assert release.stable == "acme@1"
    assert "stays with acme@1" in release.history[-1].what
    add(home, "acme")
    assert releasing.serving(releasing.file.read()["acme"]) == "acme@1"


def test_a_demand_that_is_none_is_a_damaged_release() -> None:
    fields = Release("acme", "acme@1").as_fields()
    before = {name: value for name, value in fields.items() if name != "gate"}
    assert read_release(before, "releases.json").gate is None
    with pytest.raises(InputError, match="cannot be read"):
        read_release({**fields, "gate": "strict"}, "releases.json")
