"""Code is put where it belongs, as a continuation or as a chat model writes it, and its tests decide."""

from __future__ import annotations

import pytest

from ingot.evaluate.scorers.python_tests import HERE, Config, score

BEFORE = "import math\n\n\ndef half(x: int) -> int:\n    '''Return x by two, down.'''\n"
RIGHT = f"{BEFORE}{HERE}\ndef check(f):\n    assert f(5) == 2\n    assert f(-5) == -3\n\ncheck(half)\n"


@pytest.mark.parametrize(
    "said",
    [
        "    return x // 2\n",
        "    return math.floor(x / 2)",
        "Sure:\n```python\ndef half(x):\n    return math.floor(x / 2)\n```\nThat is all.",
        "```\n    return x // 2\n```",
        "```python\ndef half(x):\n    return x // 2",
    ],
)
def test_right_code_passes(said: str) -> None:
    assert score(said, [RIGHT], Config()) == 1.0


@pytest.mark.parametrize("said", ["    return int(x / 2)\n", "    pass", "It is x // 2.", ""])
def test_wrong_code_does_not(said: str) -> None:
    assert score(said, [RIGHT], Config()) == 0.0
