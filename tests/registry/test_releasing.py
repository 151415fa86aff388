from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.flow.home import Home
from ingot.registry.release import Canary
from ingot.registry.releasing import Releasing
from tests.registry.made import add


@pytest.fixture
def releasing(tmp_path: Path) -> Releasing:
    home = Home(tmp_path / "home")
    for name in ("acme", "acme", "acme", "other"):
        add(home, name)
    add(home, "words", kind="Dataset")
    return Releasing(home, "ada")


def test_a_model_that_was_never_promoted_goes_back_to_the_version_before_the_newest(releasing: Releasing) -> None:
    assert releasing.rollback("acme").stable == "acme@2"
    assert releasing.follow("acme", "acme").stable == "acme"
    assert releasing.rollback("acme").stable == "acme@2"
    assert releasing.promote("acme", "acme@3").former[0] == "acme@2"


def test_a_pinned_newest_version_goes_back_too(releasing: Releasing) -> None:
    releasing.promote("acme", "acme@3")
    assert releasing.rollback("acme").stable == "acme@2"


def test_a_name_may_be_another_than_the_models(releasing: Releasing) -> None:
    releasing.promote("chat", "acme@2")
    releasing.canary("chat", Canary("other@1", 0.1))
    releasing.shadow("chat", "acme@3")
    release = releasing.promote("chat", "other@1")
    assert (release.stable, release.canary, release.shadow, release.former) == ("other@1", None, "acme@3", ("acme@2",))
    assert releasing.names() == ["acme", "chat", "other"]


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("acme", "acme@9", "acme@9"),
        ("acme", "acne@1", "acne"),
        ("acme", "acme", "not a version"),
        ("acme", "words@1", "not a model"),
        ("a/b", "acme@1", "cannot be a name"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_changes(
    releasing: Releasing, name: str, version: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        releasing.promote(name, version)
    assert caught.value.fix
    assert releasing.file.read() == {}


def test_an_unknown_name_is_answered_with_a_near_one(releasing: Releasing) -> None:
    for change in (releasing.rollback, lambda name: releasing.canary(name, Canary("acme@1", 0.1))):
        with pytest.raises(UsageError) as caught:
            change("acne")
        assert "'acme'" in caught.value.fix


def test_a_canary_of_what_answers_already_means_a_mistake(releasing: Releasing) -> None:
    with pytest.raises(UsageError, match="already"):
        releasing.canary("acme", Canary("acme@3", 0.1))
    with pytest.raises(UsageError, match="already"):
        releasing.shadow("acme", "acme@3")
