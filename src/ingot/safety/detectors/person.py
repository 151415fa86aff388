"""Names of persons, by what stands around them, how they are written, and small lists of given and family names.

No model: a row of capitalised words collects evidence for and against (a title, a greeting, `my name is`, an initial,
a known given name, an ending of family names; a company's word, an article, an ordinary word). A name once sure is
found again wherever one of its words stands alone, and lends its neighbours in a list some of its certainty.
The weights were set by hand, so that a clear given name, or any other two signs, reach one half.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ingot.safety import lexicon
from ingot.safety.characters import as_plain
from ingot.safety.finding import Finding
from ingot.safety.names import Name, NameWord
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text
from ingot.safety.wordlists import phrases


def _set(*lines: str) -> frozenset[str]:
    return frozenset(phrases(*lines))


# What stands directly before a person's name, with its punctuation; and directly after it.
_TITLES = frozenset(form for title in lexicon.TITLES for form in (title, title + "."))
_TOLD = _set(
    "name is|name's|named|call me|calls me|called me|name was|name:|names:|i am|i'm|this is|signed|signed:|signed by",
    "sincerely,|sincerely|regards,|regards|cheers,|yours,|attn:|attn.|attention:|attention|c/o|contact:|author:",
    "authors:|written by|directed by|directed by:|produced by|prepared by|prepared by:|reviewed by:|starring|featuring",
    "features|from:|to:|cc:|bcc:|/s/|née|geb.|maiden name|last name|first name|last name?|name?|partner's name",
    "novel by|song by|album by|book by|painting by|photo by|ich heiße|ich heisse|name ist|grüßen|grüße|m'appelle",
    "je suis|me llamo|nombre es|mi chiamo|nome é|ik heet|naam is|jag heter|jeg heter|nazywam się|nimeni on",
    "cordialement,|saludos,|saludos|user:|customer:|patient:|client:|employee:|agent:|attendees:|participants:",
    "applicant:|tenant:|witness:|plaintiff:|defendant:|insured:|cardholder:|holder:|beneficiary:|guardian:|father:",
    "mother:|spouse:|kin:|signature:|reviewer:|supervisor:|manager:|professor:|teacher:|student:|editor:|owner:",
    "representative:|recipient:|sender:|driver:|nurse:|caller:|husband:|wife:",
)
_GREETINGS = _set(
    "hi|hello|hey|dear|hallo|liebe|lieber|bonjour|cher|chère|hola|querido|querida|estimado|estimada|ciao|gentile",
    "beste|hej|thanks,|thanks|thank you,|good morning,|good morning|good evening,",
)
_SPEECH = _set("says|said|asked|told|replied|added|explained|wrote|shouted|whispered")
_KIN = _set(
    "producer|director|writer|singer|actor|actress|president|minister|songwriter|player|founder|ceo|chairman|mother",
    "father|brother|sister|wife|husband|son|daughter|friend|uncle|aunt|colleague|boss|kid|child|guardian|grandfather",
    "grandmother|cousin|nephew|niece|neighbour|neighbor|poet|artist|author|composer|novelist|professor|coach|captain",
    "officer|judge|lawyer|nurse|by|with|tell|ask|met|meet|meeting|see|invited|remember|early|late|poor|young|old|unlike",
)
_ARTICLES = _set(
    "the|a|an|this|that|these|those|each|every|any|some|no|such|our|its|der|die|das|le|la|les|el|los|las|il|lo|gli|het"
)
_AT_PLACES = _set(
    "in|at|near|from|into|across|throughout|visit|via|on|around|outside|downtown|in the|at the|of the|from the"
)
_ACTS = _set(
    "said|says|told|asked|asks|shouted|replied|wrote|writes|thinks|thought|knows|wants|lives|lived|loves|liked|likes",
    "died|was born|married|works|worked|explained|explains|noted|points out|began|joined|sang|sings|performed|resigned",
    "retired|smiled|laughed|will be|has been|had given|is very|is so|as a|as my",
)
_WORKS = _set(
    "novel|album|song|version|concert|film|movie|book|poem|painting|cover|record|lyrics|interview|biography|play",
    "sculpture|fan",
)
_THINGS = _set(
    "street|road|avenue|bridge|city|county|river|lake|island|disease|syndrome|lymphoma|sarcoma|tumor|tumour|cell|cells",
    "carcinoma|leukemia|virus|test|method|law|effect|model|system|systems|company|inc|corp|ltd|llc|gmbh|group|agreement",
    "act|plan|loan|document|documents|website|software|server|version of|index|chromosome|score|procedure|sign|therapy",
    "treatment|gene|protein|pipeline|premises|building|construction|bank|hospital|university|school|festival|is a type",
    "place|way",
)
_ADDRESSED = re.compile(
    r", (?:can|could|would|will|please|how|what|where|when|why|i|you|are|is|do|did|thank|let|we|it|this|here|my|if|as) "
)
_AGED = re.compile(r",? \(?(?:aged )?\d\d\)?[,.) ]")
_LISTED = re.compile(r",? (?:and|or|&|und|et|y) |, ")
_INTRODUCED = Pattern(
    r"\b(?:my (?:full |last |first |maiden |middle )?name is|(?:his|her|maiden|last|first|full|"
    r"sur)[ -]?name(?: is|:)|name ?:|call me|calls me|(?:people|everyone|friends) calls? me|i am called|"
    r"my name's|mrs\.|mr\.|ms\.|"
    r"ich hei(?:ß|ss)e|mein name ist|je m'appelle|me llamo|mi chiamo|ik heet|jag heter|jeg heter)\s{1,4}(\pL)",
    ignore_case=True,
)
_NAMED = lexicon.FIRST_NAME | lexicon.SURNAME
_NO_PERSON = lexicon.COMPANY | lexicon.LEGAL_FORM
_MOST_WORDS = 6
_THRESHOLD, _SURE, _SURE_NEIGHBOUR = 0.5, 0.7, 0.3
_LIST_BONUS, _BLOCK_BONUS = 0.2, 0.15


@dataclass(frozen=True)
class Config:
    """Settings of the person detector: whether single words of a name once sure are found again."""

    TYPES: ClassVar[tuple[str, ...]] = ("person",)

    repeats: bool = True


@dataclass(frozen=True)
class _Candidate:
    name: Name
    confidence: float


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the names of persons in a text."""
    whole = Text.of(text)
    names = (bare for name in whole.names if (bare := without_ends(name)))
    candidates = _with_neighbours([_Candidate(name, judged(name)) for name in names])
    sure = _sure_words(candidates) if config.repeats else frozenset()
    for candidate in candidates:
        name, confidence = candidate.name, candidate.confidence
        if len(name.words) == 1 and confidence < 0.8 and sure and as_plain(name.words[0].text) in sure:
            confidence = 0.8
        if confidence > 0:
            yield Finding(name.start, name.end, "person", "person", round(min(confidence, 0.99), 2))
    yield from _introduced(whole)


def without_ends(name: Name) -> Name | None:
    """Return a row without the titles, greetings and ordinary words at its ends, or None when nothing is left."""
    first, last = 0, len(name.words) - 1
    while first <= last and not _may_begin(name, first):
        first += 1
    while last >= first and not _may_end(name.words[last]):
        last -= 1
    return name.part(first, last) if first <= last else None


def _may_begin(name: Name, place: int) -> bool:
    word, is_last = name.words[place], place == len(name.words) - 1
    if word.is_no_name or (word.is_initial and is_last):
        return False
    if word.has(lexicon.TITLE | lexicon.PARTICLE) and not (word.has(_NAMED) and word.is_clear):
        return is_last and not word.is_usual
    if word.is_initial or not word.is_usual:
        return True
    if not word.has(lexicon.FIRST_NAME) or is_last:
        return False
    follows = name.words[place + 1]
    return follows.has(lexicon.SURNAME) or follows.is_initial or not (follows.is_usual or follows.is_no_name)


def _may_end(word: NameWord) -> bool:
    return not word.is_initial and not word.is_no_name and (not word.is_usual or word.has(lexicon.SURNAME))


def judged(name: Name) -> float:
    """Return how sure it is that a row names a person, from below 0 to above 1."""
    words = [
        word for word in name.words if not word.is_initial and not (word.has(lexicon.PARTICLE) and not word.has(_NAMED))
    ]
    if not words or len(words) > _MOST_WORDS:
        return 0.0
    return _by_words(name, words) + _by_left(name) + _by_right(name) + (_BLOCK_BONUS if _heads_block(name) else 0.0)


def _by_words(name: Name, words: list[NameWord]) -> float:
    first, last = words[0], words[-1]
    unknown = 0.0 if name.usual_capitals else 0.5 if all(word.is_upper for word in words) else 1.0
    score = 0.0
    if first.has(lexicon.FIRST_NAME):
        score += 0.5 - 0.15 * name.usual_capitals if first.is_clear and not first.has(lexicon.PLACE) else 0.2
    if len(words) > 1:
        score += 0.3 if last.has(lexicon.SURNAME) else 0.0 if last.is_usual else 0.15 * unknown
        score += 0.0 if first.is_usual or first.has(lexicon.PLACE | lexicon.PEOPLE) else 0.2 * max(unknown, 0.5)
    elif first.has(lexicon.SURNAME) and not first.has(lexicon.FIRST_NAME):
        score += 0.35 * unknown if first.is_clear else 0.05
    elif not first.flags:
        score += 0.3 * unknown
    score += 0.25 if len(words) < len(name.words) and any(word.is_initial for word in name.words) else 0.0
    return score - _against(name, words)


def _against(name: Name, words: list[NameWord]) -> float:
    given = len(words) > 1 and words[0].has(lexicon.FIRST_NAME) and not words[0].is_usual
    excused = _NAMED if given else lexicon.FIRST_NAME
    score = 0.35 * sum(word.has(_NO_PERSON) and not word.has(excused) for word in words)
    score += 0.3 * sum(word.has(lexicon.PLACE | lexicon.PEOPLE) and not word.has(excused) for word in words)
    score += 0.25 * sum(word.is_usual and not word.has(_NAMED) for word in words)
    score += 0.4 * any(word.is_no_name for word in words)
    written = name.text[name.start : name.end]
    is_pair = "-" in written and " " not in written  # Larkin-Oyelaran, as firms are called; not Anna-Lena
    return score + 0.4 * (is_pair and not all(word.has(lexicon.FIRST_NAME) for word in words))


def _heads_block(name: Name) -> bool:
    """Say whether a row fills a line above an address, a number or a mail address, as in a signature."""
    if (
        len(name.words) < 2
        or name.usual_capitals
        or any(not word.is_clear for word in name.words)
        or not name.fills_line
    ):
        return False
    return any("@" in line or any(map(str.isdigit, line)) for line in name.lines_below(3))


def _by_left(name: Name) -> float:
    before = name.before
    if not before:
        return 0.0
    if before[0] in _TITLES:
        return 0.6
    if not _TOLD.isdisjoint(before):
        return 0.4
    if not _GREETINGS.isdisjoint(before):
        return 0.4
    if before[0] in _SPEECH:
        return 0.3 if name.left[: name.left.rfind(before[0])].rstrip()[-1:] in ('"', ",", "”", "'") else 0.15
    if before[0].rstrip(",") in _KIN:
        return 0.15
    if before[0] in _ARTICLES:
        return 0.0 if not _WORKS.isdisjoint(name.after) else -0.35
    return -0.15 if len(name.words) == 1 and not _AT_PLACES.isdisjoint(before) else 0.0


def _by_right(name: Name) -> float:
    if name.right.startswith("'s"):
        return 0.2
    after = name.after
    if not _WORKS.isdisjoint(after):
        return 0.4
    if not _THINGS.isdisjoint(after):
        return -0.4
    if not _ACTS.isdisjoint(after) or _AGED.match(name.right):
        return 0.2
    if name.begins_sentence and (_ADDRESSED.match(name.right) or name.right.startswith(": ")):
        return 0.3
    return 0.0


def _with_neighbours(candidates: list[_Candidate]) -> list[_Candidate]:
    """Raise names in a list (`Zofia, Halvorsen and Petrescu`) beside one that is sure."""
    raised = list(candidates)
    for step, order in ((-1, range(1, len(raised))), (1, range(len(raised) - 2, -1, -1))):
        for place in order:
            here, beside = raised[place], raised[place + step]
            supports = beside.confidence >= (_SURE_NEIGHBOUR if _is_known(beside.name) else _THRESHOLD)
            if supports and here.confidence > 0 and _are_listed(here.name, beside.name):
                raised[place] = _Candidate(here.name, here.confidence + _LIST_BONUS)
    return raised


def _is_known(name: Name) -> bool:
    return all(word.has(_NAMED) and word.is_clear for word in name.words)


def _are_listed(one: Name, other: Name) -> bool:
    left, right = (one, other) if one.start < other.start else (other, one)
    return right.start - left.end < 8 and _LISTED.fullmatch(left.text[left.end : right.start]) is not None


def _sure_words(candidates: Iterable[_Candidate]) -> frozenset[str]:
    """Return the words of names that have several and are sure: each may stand alone elsewhere in the text."""
    return frozenset(
        as_plain(word.text)
        for candidate in candidates
        if candidate.confidence >= _SURE and len(candidate.name.words) > 1
        for word in candidate.name.words
        if not word.is_usual and not word.is_initial
    )


def _introduced(text: Text) -> Iterator[Finding]:
    """Yield names that somebody gives as such, even in small letters or made of ordinary words."""
    for _, (place, _) in _INTRODUCED.groups(text):
        words = text.words
        first = last = int(np.searchsorted(words.starts, place))
        if first >= len(words.starts) or not (
            words.flags[first] & _NAMED or (words.is_capital[first] and not words.is_usual[first])
        ):
            continue
        has_capitals = bool(words.is_capital[first])
        while last - first < _MOST_WORDS and words.is_joined[last] and _goes_on(text, last + 1, has_capitals):
            last += 1
        if not (words.flags[first : last + 1] & _NO_PERSON).any():
            yield Finding(place, int(words.ends[last]), "person", "person", 0.75)


def _goes_on(text: Text, index: int, has_capitals: bool) -> bool:
    words = text.words
    is_usual = bool(words.is_usual[index]) and not words.flags[index] & _NAMED
    return not is_usual and (not has_capitals or bool(words.is_capital[index]))
