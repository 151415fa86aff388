from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from ingot.core.config import added, literals, load, schema
from ingot.core.errors import UsageError


@dataclass(frozen=True)
class Inner:
    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Outer:
    rate: float = 0.5
    mode: Literal["fast", "exact"] = "fast"
    inner: Inner = field(default_factory=Inner)
    more: tuple[Inner, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)


def test_literals_and_back() -> None:
    config = Outer(rate=1e-3, inner=Inner((3,)))
    assert literals(config) == {
        **{"rate": 0.001, "mode": "fast", "inner": {"sizes": [3]}},
        **{"more": [], "weights": {}},
    }
    assert load(Outer, literals(config), "here") == config


@pytest.mark.parametrize(
    ("mapping", "what", "fix"),
    [
        ({"rat": 1}, "unknown option 'rat'", "did you mean 'rate'?"),
        ({"rate": "soon"}, "rate: ", "rate, mode, inner"),
        ({"mode": "slow"}, "mode: ", "options"),
        ({"inner": {"sizes": "x"}}, "inner.sizes", "options"),
        ({"inner": {"size": 1}}, "unknown option 'inner.size'", "did you mean 'sizes'?"),
        ({"more": [{}, {"size": 1}]}, "unknown option 'more.1.size'", "did you mean 'sizes'?"),
        ({"rate": float("nan")}, "rate: nan is not a number to work with", "finite"),
        ({"weights": {"a": "inf"}}, "weights.a: inf is not a number to work with", "finite"),
    ],
)
def test_a_wrong_option_is_named(mapping: dict[str, Any], what: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(Outer, mapping, "recipe.yaml: step 'plan'")
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert caught.value.where == "recipe.yaml: step 'plan'"


@dataclass(frozen=True)
class Newer:
    sizes: tuple[int, ...] = (1, 2)
    kind: str = added("plain")


@dataclass(frozen=True)
class Holding:
    more: tuple[Newer, ...] = ()


def test_what_was_added_later_counts_only_when_it_says_something_else() -> None:
    assert literals(Newer()) == literals(Inner())
    assert literals(Newer(kind="new")) == {"sizes": [1, 2], "kind": "new"}
    assert load(Newer, {"kind": "new"}, "here") == Newer(kind="new")
    assert literals(Holding((Newer(), Newer(kind="new"))))["more"] == [
        {"sizes": [1, 2]},
        {"sizes": [1, 2], "kind": "new"},
    ]


def test_schema_names_fields_types_and_defaults() -> None:
    found = schema(Outer)["properties"]
    assert found["rate"] == {"default": 0.5, "title": "Rate", "type": "number"}
    assert found["mode"]["enum"] == ["fast", "exact"]
