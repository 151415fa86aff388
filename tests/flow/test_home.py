from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.flow.home import Home, check_name, damaged_files
from ingot.flow.runner import run
from ingot.flow.step import Step
from tests.flow.steps_for_tests import CountConfig


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    for start in (1, 2):
        run([Step("numbers", "demo", "Dataset", "tests.flow.steps_for_tests:count", CountConfig(start))], home)
    return home


def test_finds_newest_and_named_versions(home: Home) -> None:
    assert home.get("demo").reference == "demo@2"
    assert home.get("demo@1").facts["last"] == 3
    assert [artifact.reference for artifact in home.all()] == ["demo@1", "demo@2"]


@pytest.mark.parametrize(("reference", "fix"), [("dem", "did you mean 'demo'?"), ("demo@7", "demo@1, demo@2")])
def test_says_what_there_is_instead(home: Home, reference: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        home.get(reference)
    assert fix in caught.value.fix


def test_notices_changed_and_missing_files(home: Home) -> None:
    artifact = home.get("demo")
    assert damaged_files(artifact) == []
    (artifact.path / "numbers.txt").write_text("9")
    assert damaged_files(artifact) == ["numbers.txt"]
    (artifact.path / "numbers.txt").unlink()
    assert damaged_files(artifact) == ["numbers.txt"]


def test_a_broken_record_says_how_to_mend_it(home: Home) -> None:
    (home.get("demo").path / "record.json").write_text("{")
    with pytest.raises(InputError, match="not a finished artifact") as caught:
        home.versions("demo")
    assert "run the build again" in caught.value.fix


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a..b", "x" * 101, "naïve"])
def test_names_that_could_be_paths_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a name"):
        check_name(name)


def test_a_home_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="home folder cannot be made") as caught:
        Home(tmp_path / "file" / "home").create()
    assert "--home" in caught.value.fix
