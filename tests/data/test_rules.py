"""Rules drop what a person wrote down, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ingot.core.errors import UsageError
from ingot.data.rules import Rule, matching

COLUMNS: dict[str, Any] = {
    "share": np.array([0.1, 0.2, 0.3, 0.4, np.nan]),
    "language": np.array(["de", "en", None, "fr", "de"], dtype=object),
    "passes": np.array([True, False, True, True, False]),
}
PARSERS = ["text", "text", "code", "pdf", "code"]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"column": "share", "above": 0.25}, [2, 3]),
        ({"column": "share", "below": 0.2}, [0]),
        ({"column": "share", "below": 0.2, "above": 0.3}, [0, 3]),
        ({"column": "share", "above_quantile": 0.5}, [2, 3]),
        ({"column": "share", "below_quantile": 0.5}, [0, 1]),
        ({"column": "share", "above": 0.0, "except_parsers": ("code",)}, [0, 1, 3]),
        ({"column": "share", "above": 0.0, "only_parsers": ("code",)}, [2]),
        ({"column": "language", "none_of": ("de", "en")}, [2, 3]),
        ({"column": "language", "one_of": ("fr", "")}, [2, 3]),
        ({"column": "passes", "one_of": ("false",)}, [1, 4]),
        ({"column": "passes", "none_of": ("true",)}, [1, 4]),
    ],
)
def test_what_a_rule_matches(conditions: dict[str, Any], expected: list[int]) -> None:
    found = matching(Rule("rule", **conditions), COLUMNS, PARSERS)
    assert np.flatnonzero(found).tolist() == expected


def test_a_quantile_is_of_the_judged_documents_alone() -> None:
    rule = Rule("rule", "share", above_quantile=0.5, only_parsers=("text",))
    assert np.flatnonzero(matching(rule, COLUMNS, PARSERS)).tolist() == [1]


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ({"column": "shore", "above": 1.0}, "did you mean 'share'"),
        ({"column": "share", "one_of": ("a",)}, "compares numbers with words"),
        ({"column": "language", "above": 1.0}, "compares words with numbers"),
        ({"column": "share", "above_quantile": 99.0}, "between 0 and 1"),
        ({"column": "share", "below_quantile": -0.5}, "between 0 and 1"),
        ({"column": "share", "below_quantile": float("nan")}, "between 0 and 1"),
        ({"column": "share", "except_parsers": ("code",)}, "has no condition"),
    ],
)
def test_a_rule_that_makes_no_sense_says_so(conditions: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        matching(Rule("rule", **conditions), COLUMNS, PARSERS)
    assert said in str(caught.value)
