from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.registry import release as changes
from ingot.registry.release import Canary, Release, goes_to_canary, read_release

ACME = Release("acme", "acme@3", former=("acme@2", "acme@1"))


def test_a_promoted_version_leaves_the_one_before_it_behind() -> None:
    release = replace(ACME, canary=Canary("acme@4", 0.1), shadow="acme@4")
    promoted = changes.promoted(release, "acme@4", "acme@3", "ada")
    assert (promoted.stable, promoted.canary, promoted.shadow) == ("acme@4", None, None)
    assert promoted.former == ("acme@3", "acme@2", "acme@1")
    assert promoted.history[-1].who == "ada"
    assert changes.promoted(promoted, "acme@4", "acme@4", "ada").former == promoted.former


def test_a_rollback_undoes_one_step_after_another() -> None:
    release = replace(ACME, canary=Canary("acme@4", 0.1))
    for stable in ("acme@3", "acme@2", "acme@1"):
        release = changes.rolled_back(release, release.stable, None, "ada")
        assert (release.stable, release.canary) == (stable, None)
    with pytest.raises(UsageError, match="nothing answered"):
        changes.rolled_back(release, release.stable, None, "ada")


def test_a_version_that_failed_is_taken_out_wherever_it_is() -> None:
    release = replace(ACME, canary=Canary("acme@4", 0.1), shadow="acme@5")
    assert changes.without(release, "acme@4", "server", "why").canary is None  # type: ignore[union-attr]
    assert changes.without(release, "acme@5", "server", "why").shadow is None  # type: ignore[union-attr]
    back = changes.without(release, "acme@3", "server", "why")
    assert back is not None
    assert (back.stable, back.canary) == ("acme@2", release.canary)
    assert "why" in back.history[-1].what
    assert changes.without(release, "other@1", "server", "why") is None
    assert changes.without(Release("acme", "acme@1"), "acme@1", "server", "why") is None


def test_a_file_of_an_earlier_version_is_read() -> None:
    fields = ACME.as_fields()
    del fields["failed"], fields["fallback"]
    assert read_release(fields, "here") == ACME


def test_what_failed_is_not_gone_back_to_and_comes_again_when_a_person_names_it() -> None:
    failed = changes.without(replace(ACME, canary=Canary("acme@2", 0.1)), "acme@2", "server", "why")
    assert failed is not None
    assert failed.failed == ("acme@2",)
    assert changes.rolled_back(failed, "acme@3", None, "ada").stable == "acme@1"
    for tried in (
        changes.promoted(failed, "acme@2", "acme@3", "ada"),
        changes.with_canary(failed, Canary("acme@2", 0.1), "ada"),
        changes.with_shadow(failed, "acme@2", "ada"),
    ):
        assert tried.failed == ()


def test_one_step_is_undone_for_a_version_that_begins_to_fail() -> None:
    back = changes.failing(ACME, "acme@3", "server", "why")
    assert back is not None
    assert (back.stable, back.fallback, back.failed) == ("acme@2", "acme@2", ("acme@3",))
    assert changes.failing(back, "acme@2", "server", "why") is None
    assert changes.promoted(back, "acme@4", "acme@2", "ada").fallback is None


def test_a_followed_model_goes_on_without_what_failed() -> None:
    versions = ["acme@1", "acme@2", "acme@3"]
    following = Release("acme", "acme")
    back = changes.failing(following, "acme@3", "server", "why", versions)
    assert back is not None
    assert (changes.meant(back, versions), back.fallback) == ("acme@2", "acme@2")
    assert changes.meant(back, [*versions, "acme@4"]) == "acme@4"
    assert changes.failing(back, "acme@2", "server", "why", versions) is None
    assert changes.failing(following, "acme@1", "server", "why", ["acme@1"]) is None
    assert changes.meant(replace(following, failed=tuple(versions)), versions) == "acme@3"  # better than nothing


def test_a_release_reads_back_as_it_was_written() -> None:
    release = changes.with_canary(ACME, Canary("acme@4", 0.25, "caller", 0.5), "ada")
    assert read_release(json.loads(json.dumps(release.as_fields())), "here") == release


@pytest.mark.parametrize(
    "change",
    [
        {"state": "asleep"},
        {"stable": ""},
        {"stable": 3},
        {"canary": {"version": "acme@4", "share": 2}},
        {"canary": {"version": "acme@4", "share": "much"}},
        {"canary": {"version": "acme@4", "share": 0.1, "by": "moon"}},
        {"history": [{"at": "now"}]},
        {"failed": [3]},
        {"fallback": 3},
        {"nonsense": 1},
    ],
)
def test_what_is_no_release_is_said_with_its_place(change: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        read_release({**ACME.as_fields(), **change}, "releases.json, acme")
    assert caught.value.where == "releases.json, acme"


def test_a_share_is_met_and_grows_without_letting_anybody_go() -> None:
    ties = [f"tie {number}" for number in range(20_000)]

    def chosen(share: float, version: str = "acme@4") -> set[str]:
        return {tie for tie in ties if goes_to_canary("acme", Canary(version, share), tie)}

    # Six standard deviations of a binomial with 20,000 draws.
    assert abs(len(chosen(0.1)) - 2000) < 6 * (20_000 * 0.1 * 0.9) ** 0.5
    assert chosen(0.1) == chosen(0.1)
    assert chosen(0.1) < chosen(0.3)
    # Another canary gets other people: as many in common as chance has it.
    assert abs(len(chosen(0.1) & chosen(0.1, "acme@5")) - 200) < 6 * (20_000 * 0.01) ** 0.5
