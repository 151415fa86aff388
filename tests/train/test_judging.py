"""Rewards of the user's own, and numbers that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.train.judging import open_reward

OWN = '''"""Short answers are better."""
from __future__ import annotations
from dataclasses import dataclass

@dataclass(frozen=True)
class Config:
    most: int = 10

def reward(prompt, expected, answers, config):
    return [{body} for answer in answers]
'''


def own(folder: Path, body: str) -> str:
    path = folder / "short.py"
    path.write_text(OWN.replace("{body}", body))
    return str(path)


def test_a_file_is_named_by_its_path_and_has_options(tmp_path: Path) -> None:
    name = own(tmp_path, "1 - len(answer) / config.most")
    assert open_reward(name, {"most": 4})("?", "", ["abcd", "ab"]) == [0.0, 0.5]
    with pytest.raises(UsageError, match="most"):
        open_reward(name, {"least": 4})


@pytest.mark.parametrize("body", ["float('nan')", "float('inf')"])
def test_a_reward_that_is_no_number_is_refused_with_its_prompt(tmp_path: Path, body: str) -> None:
    with pytest.raises(InputError, match="gave") as caught:
        open_reward(own(tmp_path, body), {})("What is 1+1?", "2", ["three"])
    assert "What is 1+1?" in caught.value.where
    assert "three" in caught.value.where


def test_every_answer_gets_one(tmp_path: Path) -> None:
    name = own(tmp_path, "1 for _ in '12'")
    path = Path(name)
    path.write_text(path.read_text().replace("[1 for _ in '12' for answer in answers]", "[1.0]"))
    with pytest.raises(InputError, match="1 numbers for 2 answers"):
        open_reward(name, {})("?", "", ["a", "b"])


def test_a_file_that_is_no_reward_says_what_it_lacks(tmp_path: Path) -> None:
    for text, said in (("x = 1", "is no reward"), ("1 / 0", "ZeroDivisionError"), ("def", "SyntaxError")):
        (tmp_path / "wrong.py").write_text(text)
        with pytest.raises(UsageError, match=said):
            open_reward(str(tmp_path / "wrong.py"), {})
    with pytest.raises(UsageError, match="no file"):
        open_reward(str(tmp_path / "none.py"), {})
    with pytest.raises(UsageError, match="number"):
        open_reward("numbr", {})
