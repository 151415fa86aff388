"""How text is cut into words before anything is merged: a few rules, each under the name a GGUF file has for it.

A GGUF file carries only the *name* of the rule; the reader has the rule compiled in, and a wrong one loads without an
error and tokenises differently. So every regular expression here is, to the letter, the one llama.cpp applies under
that name, and `ignores_merges` is what llama.cpp does for it: a word that is itself a token is taken whole, whatever
the merges would make of it. Source: llama.cpp, src/llama-vocab.cpp (October 2026).

Which one: `qwen2` for most text (every digit is a token, so numbers line up); `llama-bpe` for tables and reports, where
digits in groups of three save tokens; `qwen35` where vowel signs are marks (Hindi, Bengali, Tamil, Thai); `gpt-2` and
`tekken` to go on with a model that was made with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from ingot.core.errors import InputError, suggest

NO_CONTRACTIONS, SMALL_CONTRACTIONS, ALL_CONTRACTIONS = 0, 1, 2
NO_TAIL, NEWLINE_TAIL, NEWLINE_SLASH_TAIL = 0, 1, 2
_ANY_NUMBER_OF_DIGITS = 1 << 30


class Rules(NamedTuple):
    """What a regular expression does, as numbers that compiled code reads (`words`).

    `contractions`: are 's, 't, 're and so on words, and in capitals too. `digits`: most digits in a word. `takes_any`:
    a word may begin with any one character that is no letter, digit or line end, and not only with a space (which then
    may also precede digits). `splits_case`: a capital after a small letter begins a word. `tail`: what follows signs
    and still belongs to them. `ends_lines`: white space up to the last line end is a word of its own.
    """

    contractions: int
    digits: int
    takes_any: bool
    splits_case: bool
    tail: int
    ends_lines: bool


@dataclass(frozen=True)
class Splitting:
    """One rule: its name in GGUF, its regular expression, and what others must know to apply the same.

    `published` is the form that model makers publish and other software knows; it means the same as `regex` except for
    texts that `differs` finds in them. `marks_are_letters` tells how to read `rules`.
    """

    name: str
    regex: str
    published: str
    rules: Rules
    differs: str = ""
    is_ascii_only: bool = False
    marks_are_letters: bool = False
    ignores_merges: bool = False


_SPELLED = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
# Under Unicode case folding this also matches 'ſ, which llama.cpp does not split off.
_FOLDED = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_LONG_S = "'ſ"
_WORD = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_SIGNS_AND_BLANKS = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

_QWEN2: Final = Splitting(
    name="qwen2",
    regex=rf"{_SPELLED}|{_WORD}|\p{{N}}|{_SIGNS_AND_BLANKS}",
    published=rf"{_FOLDED}|{_WORD}|\p{{N}}|{_SIGNS_AND_BLANKS}",
    rules=Rules(ALL_CONTRACTIONS, 1, True, False, NEWLINE_TAIL, True),
    differs=_LONG_S,
)
_QWEN35: Final = replace(
    _QWEN2,
    name="qwen35",
    regex=_QWEN2.regex.replace(r"?\p{L}+", r"?[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]"),
    published=_QWEN2.published.replace(r"?\p{L}+", r"?[\p{L}\p{M}]+").replace(
        r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]"
    ),
    marks_are_letters=True,
)
_LLAMA: Final = Splitting(
    name="llama-bpe",
    regex=rf"{_SPELLED}|{_WORD}|\p{{N}}{{1,3}}|{_SIGNS_AND_BLANKS}",
    published=rf"{_FOLDED}|{_WORD}|\p{{N}}{{1,3}}|{_SIGNS_AND_BLANKS}",
    rules=Rules(ALL_CONTRACTIONS, 3, True, False, NEWLINE_TAIL, True),
    differs=_LONG_S,
    ignores_merges=True,
)
_GPT2: Final = Splitting(
    name="gpt-2",
    regex=r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    published=r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    rules=Rules(SMALL_CONTRACTIONS, _ANY_NUMBER_OF_DIGITS, False, False, NO_TAIL, False),
)
# llama.cpp knows the case of ASCII letters only, and takes every other letter for both.
_CAPITAL, _SMALL = r"((?=[\p{L}])([^a-z]))", r"((?=[\p{L}])([^A-Z]))"
_TEKKEN: Final = Splitting(
    name="tekken",
    regex=(
        rf"[^\r\n\p{{L}}\p{{N}}]?{_CAPITAL}*{_SMALL}+|[^\r\n\p{{L}}\p{{N}}]?{_CAPITAL}+{_SMALL}*|\p{{N}}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    published=(
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    rules=Rules(NO_CONTRACTIONS, 1, True, True, NEWLINE_SLASH_TAIL, True),
    is_ascii_only=True,
    ignores_merges=True,
)

DEFAULT: Final = _QWEN2.name
SPLITTINGS: Final[Mapping[str, Splitting]] = {one.name: one for one in (_QWEN2, _LLAMA, _QWEN35, _GPT2, _TEKKEN)}


def named(name: str) -> Splitting:
    """Return the rule of that name. Raises InputError naming the nearest."""
    if name not in SPLITTINGS:
        raise InputError(
            f"there is no way to split words called {name!r}",
            where="tokenizer, option splitting",
            why="an exported model names the rule, and its reader must know it",
            fix=suggest(name, SPLITTINGS),
        )
    return SPLITTINGS[name]


def recognise(tokenizer: Mapping[str, Any]) -> Splitting | None:
    """Return the rule that the content of a tokenizer.json follows to the letter, or None."""
    return _of_form(tokenizer, lambda one: one.regex)


def recognise_published(tokenizer: Mapping[str, Any]) -> Splitting | None:
    """Return the rule that a tokenizer.json follows in the form its makers published, or None.

    The rule cuts text as that tokenizer does, but for what it `differs` in, and for what a normalizer would change.
    """
    before = tokenizer.get("pre_tokenizer") or {}
    if before.get("type") == "ByteLevel" and before.get("use_regex") and not before.get("add_prefix_space"):
        return None if tokenizer["model"].get("ignore_merges") else _GPT2  # its expression is built into that type
    return _of_form(tokenizer, lambda one: one.published)


def _of_form(tokenizer: Mapping[str, Any], form: Callable[[Splitting], str]) -> Splitting | None:
    steps = _steps(tokenizer.get("pre_tokenizer") or {})
    if [step.get("type") for step in steps] != ["Split", "ByteLevel"]:
        return None
    split, as_bytes = steps
    if as_bytes["add_prefix_space"] or as_bytes["use_regex"] or split["behavior"] != "Isolated" or split["invert"]:
        return None
    ignores_merges = bool(tokenizer["model"].get("ignore_merges"))
    for one in SPLITTINGS.values():
        if split["pattern"] == {"Regex": form(one)} and ignores_merges == one.ignores_merges:
            return one
    return None


def _steps(pre_tokenizer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(pre_tokenizer["pretokenizers"]) if pre_tokenizer.get("type") == "Sequence" else [pre_tokenizer]
