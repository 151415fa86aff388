from __future__ import annotations

import pytest

from ingot.cli.options import read_count, read_duration, read_options
from ingot.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172800), ("1.5m", 90)]
)
def test_durations(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "ten minutes", "-5m", "10m!", "5 m 3"])
def test_what_is_no_duration_says_how_to_write_one(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time") as caught:
        read_duration(text)
    assert "10m" in caught.value.fix


@pytest.mark.parametrize(("text", "count"), [("2000", 2000), ("20k", 20_000), ("1.5M", 1_500_000), ("1B", 10**9)])
def test_counts(text: str, count: int) -> None:
    assert read_count(text, "--tokens") == count


@pytest.mark.parametrize("text", ["", "5X", "many", "-3"])
def test_what_is_no_count_names_the_option(text: str) -> None:
    with pytest.raises(UsageError, match="is not a count") as caught:
        read_count(text, "--tokens")
    assert caught.value.where == "--tokens"


def test_options_are_read_by_name_and_a_wrong_one_is_told() -> None:
    assert read_options(["a=1", "b=[x, 2]", "c=word=s"]) == {"a": 1, "b": ["x", 2], "c": "word=s"}
    for text, said in (("a", "is no option"), ("=1", "is no option"), ("a=[", "cannot be read")):
        with pytest.raises(UsageError, match=said):
            read_options([text])
