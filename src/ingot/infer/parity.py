"""Does the exported model answer like the trained one? Measured for every engine, and written down.

Each engine continues the same prompts greedily, the reference too. From the first token on they must choose alike;
where they part, the reference must itself be undecided there (two tokens within `NEAR_TIE` of one another), because
half-precision weights may tip such a choice either way. Log-probabilities are compared up to that point, and text is
tokenised with the reader's own tokenizer, so that other programs that open the file read the same ids.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingot.infer.engine import Engine
from ingot.infer.sampling import GREEDY
from ingot.infer.text import Token
from ingot.tokenizer.codec import Codec

NEAR_TIE = 2e-3  # half-precision weights move a log-probability by up to 1e-3, so a gap by up to twice that
LARGEST_DIFFERENCE = 1e-2  # ten times what half precision does; a wrong tensor moves far more

# Scripts, blanks, numbers, contractions and rare characters: where tokenizers differ when they differ.
MIXED_TEXTS = (
    "The quick brown fox doesn't jump; it's 12345.67 metres away.\n\n\n  Indented\twith tabs.   ",
    "def area(radius: float) -> float:\n    return 3.14159 * radius ** 2  # m²\n",
    "Größe, élève, señor, łódź, naïve; Ελληνικά, русский, עברית, हिन्दी, 漢字かな, 한국어.",
    "emoji 👩‍👩‍👧‍👦 and flags 🇩🇪, zero\u200bwidth, e\u0301, \u00a0no-break, 'ſ, I'LL\r\n\r\n!?--==>> {}[]()",
)
_MOST_TERMS = 100


@dataclass(frozen=True)
class Answer:
    """What an engine said to one prompt."""

    prompt: tuple[int, ...]
    tokens: tuple[Token, ...]

    @property
    def ids(self) -> list[int]:
        return [token.id for token in self.tokens]


@dataclass(frozen=True)
class Comparison:
    """How one engine compares with the reference; `largest_difference` is None where it gives no log-probabilities."""

    agrees: bool
    tokens: int
    equal_tokens: int
    near_ties: int
    largest_difference: float | None
    tokenizes_alike: bool | None
    tokens_per_second: float


def mixed_texts(codec: Codec) -> tuple[str, ...]:
    """Return the texts that readers of a vocabulary are compared on; its protected terms stand in them every way."""
    terms = codec.terms[:_MOST_TERMS]
    return (*MIXED_TEXTS, *(f"{term}, un{term}s {term}{term} {term.lower()}\n\n{term}" for term in terms))


def answers(engine: Engine, prompts: Sequence[Sequence[int]], tokens: int) -> list[Answer]:
    """Continue each prompt greedily. Where the engine can, the runner-up of every token is kept too."""
    params = replace(GREEDY, max_tokens=tokens, top_logprobs=min(2, engine.most_top_logprobs))
    return [Answer(tuple(prompt), tuple(engine.generate(prompt, params))) for prompt in prompts]


def tokens_per_second(engine: Engine, prompt: Sequence[int], tokens: int) -> float:
    """Time one answer at a time, the better of two; what the engine warms up is not counted."""
    params = replace(GREEDY, max_tokens=tokens, temperature=1.0, seed=0)
    best = 0.0
    for _ in range(2):
        start = time.perf_counter()
        count = sum(1 for _ in engine.generate(prompt, params))
        best = max(best, count / (time.perf_counter() - start))
    return best


def compare(engine: Engine, expected: Sequence[Answer], tokens: int) -> Comparison:
    """Measure one engine against the reference's answers."""
    given = answers(engine, [answer.prompt for answer in expected], tokens)
    pairs = [_pair(one, other) for one, other in zip(given, expected, strict=True)]
    differences = [pair.largest_difference for pair in pairs if pair.largest_difference is not None]
    largest = max(differences, default=None)
    return Comparison(
        agrees=all(pair.is_excused for pair in pairs) and (largest is None or largest <= LARGEST_DIFFERENCE),
        tokens=sum(len(answer.tokens) for answer in expected),
        equal_tokens=sum(pair.equal for pair in pairs),
        near_ties=sum(pair.is_near_tie for pair in pairs),
        largest_difference=largest,
        tokenizes_alike=_tokenizes_alike(engine),
        tokens_per_second=round(tokens_per_second(engine, expected[0].prompt, 2 * tokens), 1),
    )


@dataclass(frozen=True)
class _Pair:
    equal: int
    is_near_tie: bool
    is_excused: bool
    largest_difference: float | None


def _pair(given: Answer, expected: Answer) -> _Pair:
    equal = _common(given.ids, expected.ids)
    parted = equal < max(len(given.ids), len(expected.ids))
    near_tie = (
        parted
        and equal < min(len(given.ids), len(expected.ids))
        and _is_near_tie(given.ids[equal], expected.tokens[equal])
    )
    both = zip(given.tokens[:equal], expected.tokens[:equal], strict=True)
    differences = [
        abs(one.logprob - other.logprob) for one, other in both if one.logprob is not None and other.logprob is not None
    ]
    return _Pair(equal, near_tie, near_tie or not parted, max(differences, default=None))


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _is_near_tie(chosen: int, reference: Token) -> bool:
    alternatives = dict(reference.top)
    return chosen in alternatives and alternatives[reference.id] - alternatives[chosen] <= NEAR_TIE


def _tokenizes_alike(engine: Engine) -> bool | None:
    pairs = [(engine.tokenize(text), engine.codec.encode(text)) for text in mixed_texts(engine.codec)]
    if any(own is None for own, _ in pairs):
        return None
    return all(own == ours for own, ours in pairs)
