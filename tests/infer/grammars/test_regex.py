from __future__ import annotations

import re

import pytest

from ingot.core.errors import InputError
from ingot.infer.grammars.nodes import ROOT
from ingot.infer.grammars.regex import lengths, read
from tests.infer.grammars.samples import TextSampler

EXPRESSIONS = [
    "^[a-z]{2,5}$",
    "^(ab|c)+\\d?$",
    "x\\.y",
    "^[^a-z\\d]{1,3}$",
    "^(?:a|(?<name>b))*?$",
    "^\\u00e9\\x41[\\]\\-]$",
    "^a|b$",
    "^$",
    "^.{3}$",
    "^[\\w.-]+@\\S+\\W\\D$",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_text_that_is_read_out_of_it_matches(expression: str) -> None:
    sampler = TextSampler({ROOT: read(expression, "#/pattern")}, seed=1)
    python = expression.replace("(?<name>", "(?P<name>")
    assert all(re.search(python, sampler.text()) for _ in range(50))


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("(?=a)b", "lookaround"),
        ("(a)\\1", "not read here"),
        ("(a{1000}){1000}", "states"),
        ("a{3,1}", "cannot be"),
        ("a++", "possessive"),
        ("(", "missing"),
        ("a)", "not opened"),
        ("[b-a]", "backwards"),
        ("\\p{L}", "not read here"),
        ("*a", "nothing to repeat"),
        ("a^b", "anchor"),
        ("\\ud800", "no character"),
        ("(" * 60 + ")" * 60, "deep"),
        ("a" * 5000, "longer"),
    ],
)
def test_what_is_not_regular_or_too_large_is_refused(expression: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        read(expression, "#/pattern")
    assert caught.value.where == "#/pattern"


def test_a_catastrophic_expression_is_read_in_one_pass() -> None:
    read("^(a+)+(a|a)*(.*.*.*)+$", "#")
    with pytest.raises(InputError):
        read("^((((a{9}){9}){9}){9}){9}$", "#")


def test_lengths_are_bounded() -> None:
    assert lengths(read("^a{2,3}(bc|d)$", "#")) == (3, 5)
    assert lengths(read("^a+$", "#")) == (1, None)
    assert lengths(read("a", "#")) == (1, None)
