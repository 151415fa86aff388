from __future__ import annotations

import pytest

from ingot.core.errors import UsageError
from ingot.safety.detection import known_types
from ingot.safety.finding import Finding
from ingot.safety.policy import DEFAULT_ACTIONS, Policy


def finding(start: int, end: int, kind: str, confidence: float = 0.9) -> Finding:
    return Finding(start, end, kind, kind.partition(".")[0], confidence)


def test_every_known_type_has_a_default() -> None:
    assert {kind.partition(".")[0] for kind in known_types()} == set(DEFAULT_ACTIONS)


def test_a_member_comes_before_its_family_and_both_before_the_default() -> None:
    policy = Policy({"secret": "keep", "secret.jwt": "drop", "email": "pseudonym"})
    assert [policy.action(kind) for kind in ("secret.aws_key", "secret.jwt", "email", "phone", "date")] == [
        *("keep", "drop", "pseudonym", "mask", "keep")
    ]


def test_a_type_of_another_package_is_masked() -> None:
    assert Policy().action("payslip") == "mask"


def test_kept_and_unsure_findings_do_not_stand_in_the_way() -> None:
    place, person = finding(0, 20, "location"), finding(3, 9, "person")
    unsure = finding(0, 30, "address", 0.4)
    assert [each.finding for each in Policy().decided([place, person, unsure])] == [person]
    assert [each.finding for each in Policy(least_confidence=0.3).decided([place, person, unsure])] == [unsure]


def test_dropping_names_the_types() -> None:
    policy = Policy({"secret": "drop"})
    assert policy.drops([finding(0, 5, "secret.jwt"), finding(9, 12, "email")]) == ["secret.jwt"]
    assert policy.drops([finding(0, 5, "email")]) == []


def test_wanted_types_leave_out_what_is_kept() -> None:
    wanted = Policy({"date": "mask", "email": "keep"}).wanted
    assert "date" in wanted
    assert "email" not in wanted
    assert "location" not in wanted


@pytest.mark.parametrize(
    ("actions", "message", "fix"),
    [
        ({"emial": "mask"}, "no detector finds the type 'emial'", "'email'"),
        ({"email": "remove"}, "there is no action 'remove'", "keep, mask"),
    ],
)
def test_wrong_types_and_actions_are_refused(actions: dict[str, str], message: str, fix: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Policy(actions)  # type: ignore[arg-type]  # wrong on purpose: it is what must be refused
    assert fix in caught.value.fix or "drop" in caught.value.fix
