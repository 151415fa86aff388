"""Names of organisations: by their legal form (`Ltd`, `GmbH`), by words like `Bank` or `Institute`, and by context."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ingot.safety import lexicon
from ingot.safety.characters import as_plain
from ingot.safety.finding import Finding
from ingot.safety.lexicon import known_words
from ingot.safety.names import Name
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text
from ingot.safety.wordlists import listed, phrases

_FORMS = frozenset(
    listed(
        "Inc INC Incorporated INCORPORATED Corp CORP Corporation CORPORATION LLC LLP LP Ltd LTD Limited LIMITED",
        "PLC plc GmbH gGmbH mbH GMBH AG KGaA KG OHG UG eG SE SARL SAS SASU EURL SNC SpA SPA Srl SRL BV NV VOF Oy",
        "Oyj AB ASA AS ApS Kft Zrt Nyrt Ltda Pty Pte Bhd Co",
    )
)
# Forms that are usual words of shouted sentences, or states: they need a name before them that is none.
_DOUBTFUL = frozenset(
    listed(
        "AG SE AB AS KG SAS SPA NV Co LP UG Limited LIMITED Incorporated INCORPORATED",
    )
)
_DOTTED = Pattern(
    r"\b(?:L\.L\.C|L\.L\.P|S\.A\.R\.L|S\.p\.A|S\.r\.l|s\.r\.o|d\.o\.o|z o\.o|B\.V|N\.V|S\.A|N\.A|P\.C|A/S|e\.V|"
    r"a\.s)\b\.?"
)
_PART = r"[^\W\d_a-zà-þ][^\s,;:()<>\"“”!?]{0,30}|\d{1,4}[^\s,;:()<>\"“”!?]{0,12}"
_NAME_BEFORE = re.compile(
    rf"(?<![^\s(\"“,/])(?:(?:{_PART})(?: (?:&|and|of|the|for|de|du|des|und|für|y|e) | |, ?)){{1,7}}$"
)
_SMALL_NAME_BEFORE = re.compile(r"(?<![^\s(\"“,])(?:[a-z][a-z.&-]{1,30} ){1,3}$")
# A firm named after its partners, where it fills a line; in a sentence it cannot be told from a list of persons.
_FIRM = Pattern(r"(?m)^[ \t>*•|?-]{0,6}(\p{Lu}\pL{2,20}, \p{Lu}\pL{2,20},? (?:and|&) \p{Lu}\pL{2,20})[ \t.,]{0,3}$")
_EMPLOYED = Pattern(
    r"\b(?:work(?:s|ed|ing)? (?:for|at)|employed (?:by|at)|ceo of|cfo of) (?:the )?"
    r"(\p{Lu}[^\s,;:()<>\"!?]{1,30}(?: (?:(?:and|of|&) )?\p{Lu}[^\s,;:()<>\"!?.]{1,30}){1,4})"
)
# What stands directly before an organisation's name, and directly after it.
_HEADS = listed(
    "ceo cfo cto president chairman director founder founders member board head customer customers client",
    "clients share shares subsidiary division owner manager partner headquarters website office offices",
    "employee employees",
)
_BEFORE = frozenset(
    [f"{head} {of}{the}" for head in _HEADS for of in ("of", "at") for the in ("", " the")]
    + list(
        phrases(
            "work for|works for|worked for|working for|work at|works at|worked at|working at|working with|employed by",
            "employed at|joined|join|joining|acquired by|acquired|bought by|hired by|fired by|fired from|contract with",
            "account at|account with|company|firm|employer|employer:|organisation:|organization:|company:|firm:",
            "year at|years at|career at|internship at|job at|firma|bei der firma|arbeitet bei|travaille chez",
            "travaille pour|trabaja en|lavora per|lavora presso|according to|according to the|support",
            "sued|vs|vs.|brought by",
        )
    )
)
_AFTER = frozenset(
    listed(
        "website office offices headquarters team employee employees share shares stock board",
        "subsidiary spokesman spokeswoman spokesperson customers app store stores platform invested",
        "announced acquired launched reported customer account product products",
    )
)
_IS_ONE = re.compile(
    r"(?:'s)? (?:is|was) (?:an? (?:[\w-]+ ){0,4}?(?:agency|company|firm|start-?up|bank|corporation|provider|"
    r"manufacturer|non-?profit|organi[sz]ation|business|retailer|multinational|supplier|charity)|"
    r"founded|established|incorporated|acquired|headquartered in|based in)\b"
)
_ARTICLES = frozenset(
    listed(
        "the this that such any each our your their its a an and or by with for of copyright (c) ©",
    )
)
_MOST_WORDS = 7
_REACH = 110


@dataclass(frozen=True)
class Config:
    """Settings of the organisation detector: whether names without a legal form count where the context says so."""

    TYPES: ClassVar[tuple[str, ...]] = ("organisation",)

    by_context: bool = True


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the names of organisations in a text."""
    whole = Text.of(text)
    yield from _by_form(whole)
    for name in whole.names:
        if confidence := _judged(name, config):
            start = _without_article(whole, name.start, name.end)
            yield Finding(start, name.end, "organisation", "organisation", confidence)
    if not config.by_context:
        return
    for _, (start, end) in _FIRM.groups(whole) if "\n" in whole else ():
        yield Finding(start, end, "organisation", "organisation", 0.6)
    for _, (start, end) in _EMPLOYED.groups(whole):
        yield Finding(start, end, "organisation", "organisation", 0.7)


def _by_form(text: Text) -> Iterator[Finding]:
    words = text.words
    for index in np.flatnonzero(words.flags & lexicon.LEGAL_FORM).tolist():
        start, end = int(words.starts[index]), int(words.ends[index])
        if text[start:end] in _FORMS:
            yield from _named(text, start, end, text[start:end] in _DOUBTFUL)
        elif words.is_upper.any() or words.is_capital.any():
            continue
        elif match := _SMALL_NAME_BEFORE.search(text[max(0, start - _REACH) : start]):
            yield Finding(start - len(match[0]), end, "organisation", "organisation", 0.4)
    for start, end in _DOTTED.spans(text):
        yield from _named(text, start, end, False)


def _named(text: Text, start: int, end: int, is_doubtful: bool) -> Iterator[Finding]:
    """Yield the name that ends with a legal form, when there is one before it."""
    match = _NAME_BEFORE.search(text[max(0, start - _REACH) : start])
    if not match:
        return
    first = _without_article(text, start - len(match[0]), start)
    words = re.findall(r"[^\W\d_]+", text[first:start])
    if (
        words
        and (not is_doubtful or not _is_usual(words[-1]))
        and not all(_is_usual(word) for word in words if word.isupper())
    ) or (words and any(not word.isupper() for word in words) and not is_doubtful):
        yield Finding(first, end + text.startswith(".", end), "organisation", "organisation", 0.85)


def _is_usual(word: str) -> bool:
    return bool(known_words().get(as_plain(word), 0) & lexicon.ORDINARY)


def _without_article(text: str, start: int, end: int) -> int:
    """Return where a name begins when articles, prepositions and years before it are left out."""
    while (space := text.find(" ", start, end)) > 0 and (
        text[start:space].lower() in _ARTICLES or text[start:space].strip(",-").isdigit()
    ):
        start = space + 1
    return start


def _judged(name: Name, config: Config) -> float:
    told = config.by_context and (_is_told(name) or _in_contact_block(name))
    if len(name.words) > _MOST_WORDS or (len(name.words) == 1 and name.words[0].is_no_name and not told):
        return 0.0
    if len(name.words) > 1 and name.words[-1].has(lexicon.COMPANY) and not all(word.is_usual for word in name.words):
        return 0.8 if told else 0.65
    if told and not all(word.is_usual or word.has(lexicon.PLACE | lexicon.PEOPLE) for word in name.words):
        return 0.7
    return 0.0


def _is_told(name: Name) -> bool:
    after = name.right[2:].split(None, 1)[:1] if name.right.startswith("'s ") else name.after
    is_one = name.right[:1] in " '" and _IS_ONE.match(name.right) is not None
    return is_one or not _BEFORE.isdisjoint(name.before) or not _AFTER.isdisjoint(after)


def _in_contact_block(name: Name) -> bool:
    """Say whether a row fills the second line of a block: a name above it, and digits in one of the lines below."""
    is_person = (
        len(name.words) > 1 and name.words[0].has(lexicon.FIRST_NAME) and "-" not in name.text[name.start : name.end]
    )
    if is_person or any(word.has(lexicon.OCCUPATION | lexicon.PLACE) for word in name.words) or not name.fills_line:
        return False
    above = name.text[max(0, name.start - 80) : name.start].rstrip(" \t>*•|?-\n").rpartition("\n")[2].strip(" \t>*•|?-")
    is_name = above[:1].isupper() and len(above.split()) <= 5 and not re.search(r"[\d:.]", above)
    return is_name and any(re.search(r"\d", line) for line in name.lines_below(2))
