"""What an answer must look like: a JSON schema or a regular expression that every token is held to.

A grammar is text in a request, so it is foreign: it is read here, in one bounded pass, against what can be enforced,
and refused by name before any work starts. What was read is kept for the next request, `_KEPT` of them at most.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from ingot.core.errors import InputError
from ingot.infer.grammars.deterministic import determined
from ingot.infer.grammars.nodes import ROOT, Lexeme, Rules, as_ebnf, as_lark, pruned
from ingot.infer.grammars.regex import read
from ingot.infer.grammars.schema import MOST_CHARACTERS, rules_of

GrammarKind = Literal["json_schema", "regex"]
_KEPT = 64


@dataclass(frozen=True)
class Grammar:
    """A rule that the whole text of an answer follows; `text` is the schema as JSON, or the expression itself."""

    kind: GrammarKind
    text: str


def json_schema(schema: Mapping[str, Any] | bool) -> Grammar:
    """Return the grammar of the values that a schema allows."""
    return Grammar("json_schema", json.dumps(schema, ensure_ascii=False))


def json_object() -> Grammar:
    """Return the grammar of every JSON object."""
    return json_schema({"type": "object"})


def check(schema: Any) -> None:
    """Raise InputError when answers cannot be held to a schema; `where` is the place in it, as a JSON pointer.

    It is read here and now: one of a caller is read in a child first (`schema_reader`).
    """
    rules_for(Grammar("json_schema", text_of(schema)))


def text_of(schema: Any) -> str:
    """Return a schema as JSON. Raises InputError for one that is no JSON, or too long."""
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise _unreadable(str(error)) from error
    _check_length("json_schema", text)
    return text


@lru_cache(_KEPT)
def rules_for(grammar: Grammar) -> Rules:
    """Return the rules of a grammar. Raises InputError for one that cannot be enforced."""
    _check_length(grammar.kind, grammar.text)
    if grammar.kind == "regex":
        rules = pruned({ROOT: Lexeme(read(grammar.text, "regex", is_whole=True))})
        if not rules:
            raise InputError("no text matches this expression", where="regex", fix="correct it")
        return rules
    try:
        return rules_of(json.loads(grammar.text, parse_constant=_no_number))
    except (ValueError, RecursionError) as error:
        raise _unreadable(str(error)) from error


@lru_cache(_KEPT)
def ebnf(grammar: Grammar, names: frozenset[str] = frozenset()) -> str:
    """Return a grammar for xgrammar, of texts in which none of the `names` of control tokens stands."""
    return as_ebnf(determined(rules_for(grammar), names))


@lru_cache(_KEPT)
def lark(grammar: Grammar) -> str:
    """Return a grammar for llguidance."""
    return as_lark(rules_for(grammar))


def _check_length(kind: GrammarKind, text: str) -> None:
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"the {kind} has {len(text)} characters, more than {MOST_CHARACTERS}",
            where="#",
            fix="ask for a smaller part of it",
        )


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _unreadable(why: str) -> InputError:
    return InputError(
        "the schema is not JSON that can be read",
        where="#",
        why=why[:200],
        fix="write it as JSON, nested at most a few dozen levels deep",
    )
