"""Does an exported model answer like the trained one? Asked of the program it was exported for, and written down.

Four things are measured, each against the trained model in full precision:

- log-probabilities: the trained model's ten most probable tokens at every place of held-out texts, in both;
- evaluation: bits per byte of the same texts (for the exported model, by its own log-probabilities);
- greedy tokens after held-out beginnings, with the program's own way of generating; where the two part, the trained
  model must itself be undecided there, by no more than the log-probabilities may differ;
- tokenisation of ten megabytes of mixed text, by the program's own tokenizer: every id must be equal in documents, and
  in nearly all texts that are made up of every character Unicode has; another rule for words shows in all of them.

What a type may lose is stated beforehand (`LIMITS`); an export that loses more is not kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingot.infer.reader import LONGEST, Reader
from ingot.infer.reference import Continuation, Reference

FORMAT = 1
ASKED = 10
RARE = 0.02  # of made-up texts: programs know different versions of Unicode, and some characters have two classes
_PROMPT_TOKENS = 48
_DOCUMENT_TOKENS = 512
_LEAST_CHARACTERS = 8
_TEXTS_AT_ONCE = 64


@dataclass(frozen=True)
class Limits:
    """The most that may be lost: of a log-probability in nats (mean, 99th percentile, largest), of a byte in bits.

    Where weights are rounded, the largest is not limited: one expert that is chosen instead of another as good moves a
    single place by tenths of a nat.
    """

    mean: float
    p99: float
    bits_per_byte: float
    largest: float = math.inf

    @property
    def tie(self) -> float:
        """Return how far apart two tokens may be that rounding may exchange: each of them may have moved."""
        return 2 * min(self.largest, 2 * self.p99)


LIMITS: Mapping[str, Limits] = {
    "f32": Limits(1e-4, 5e-4, 1e-4, largest=1e-3),
    "f16": Limits(2e-3, 1e-2, 1e-3),
    "bf16": Limits(2e-2, 1e-1, 5e-3),
    "q8_0": Limits(5e-2, 2e-1, 5e-3),
    "q4_K": Limits(2e-1, 8e-1, 3e-2),
}


@dataclass(frozen=True)
class Document:
    """A text to evaluate on, as ids behind a beginning-of-text mark."""

    ids: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class Expected:
    """What the trained model says to a document: tokens asked about and their log-probabilities, both [T, A]."""

    document: Document
    asked_TA: NDArray[np.int64]
    log_TA: NDArray[np.float64]


@dataclass(frozen=True)
class Questions:
    """Everything an export is asked, with the trained model's answers."""

    expected: tuple[Expected, ...]
    continued: tuple[Continuation, ...]
    ends: frozenset[int]


@dataclass(frozen=True)
class Tokenisation:
    """How many bytes of text were tokenised by both, and where they first differ."""

    bytes: int
    texts: int
    differing: int
    first: str


def questions(reference: Reference, texts: Iterable[str], prompts: int, tokens: int, evaluated: int) -> Questions:
    """Ask the trained model: about `evaluated` tokens of the texts, and to continue their beginnings."""
    longest = min(reference.context, _DOCUMENT_TOKENS, LONGEST)
    documents = list(_documents(reference, texts, longest, evaluated))
    length = max(1, min(_PROMPT_TOKENS, reference.context - tokens))
    continued = [
        reference.continued(document.ids[: min(length, len(document.ids) // 2 + 1)], tokens)
        for document in documents[:prompts]
    ]
    return Questions(tuple(_expected(reference, one) for one in documents), tuple(continued), reference.ends)


def _documents(reference: Reference, texts: Iterable[str], longest: int, evaluated: int) -> Iterator[Document]:
    left = evaluated
    for text in texts:
        fitting = text
        ids = reference.tokenize([fitting])[0]
        while len(ids) > min(longest - 1, left):
            # Cut as text and read again, so that ids and bytes belong together to the last character.
            fitting = fitting[: int(len(fitting) * 0.95 * min(longest - 1, left) / len(ids))]
            ids = reference.tokenize([fitting])[0]
        if len(fitting) < _LEAST_CHARACTERS:
            if left < longest:
                return
            continue
        yield Document((reference.bos, *ids), len(fitting.encode("utf-8")))
        left -= len(ids)


def _expected(reference: Reference, document: Document) -> Expected:
    log_TV = reference.log_probabilities(document.ids)
    likeliest = np.argpartition(-log_TV, min(ASKED, log_TV.shape[1] - 1), axis=1)[:, :ASKED]
    asked_TA = np.concatenate([np.array(document.ids[1:])[:, None], likeliest], axis=1)
    return Expected(document, asked_TA, np.take_along_axis(log_TV, asked_TA, axis=1))


def measure(reader: Reader, asked: Questions, limits: Limits) -> dict[str, Any]:
    """Ask an export the same and compare: what was found, and in words what exceeds the limits."""
    given = [reader.log_probabilities(one.document.ids, one.asked_TA) for one in asked.expected]
    found = {
        "log_probabilities": _differences(given, asked.expected),
        "evaluation": _evaluation(given, asked.expected),
        "greedy": _greedy(reader, asked, limits),
    }
    return {**found, "faults": list(_faults(found, limits))}


def _differences(given: Sequence[NDArray[np.float64]], expected: Sequence[Expected]) -> dict[str, Any]:
    pairs = zip(given, expected, strict=True)
    # Without the first column: what does follow may be so improbable that its logarithm says little.
    apart = np.abs(np.concatenate([(own - one.log_TA)[:, 1:].ravel() for own, one in pairs]))
    known = apart[~np.isnan(apart)]
    if not known.size:
        return {"places": 0, "compared": 0, "largest": math.inf, "mean": math.inf, "p99": math.inf}
    return {
        "places": sum(len(one.asked_TA) for one in expected),
        "compared": int(known.size),
        "largest": float(known.max()),
        "mean": float(known.mean()),
        "p99": float(np.quantile(known, 0.99)),
    }


def _evaluation(given: Sequence[NDArray[np.float64]], expected: Sequence[Expected]) -> dict[str, Any]:
    total = sum(one.document.bytes for one in expected)
    trained = -sum(float(one.log_TA[:, 0].sum()) for one in expected) / math.log(2) / total
    exported = -sum(float(own[:, 0].sum()) for own in given) / math.log(2) / total
    return {
        "documents": len(expected),
        "tokens": sum(len(one.asked_TA) for one in expected),
        "bytes": total,
        "trained_bits_per_byte": trained,
        "exported_bits_per_byte": exported,
        "delta_bits_per_byte": exported - trained,
    }


def _greedy(reader: Reader, asked: Questions, limits: Limits) -> dict[str, Any]:
    equal, ties, parted = 0, 0, 0
    for expected in asked.continued:
        given = _until_end(reader.greedy(expected.prompt, len(expected.ids)), asked.ends)
        same = next((n for n, (a, b) in enumerate(zip(given, expected.ids, strict=False)) if a != b), None)
        equal += min(len(given), len(expected.ids)) if same is None else same
        if same is None:
            parted += len(given) != len(expected.ids)
            continue
        log_V = expected.log_TV[same]
        is_tie = float(log_V[expected.ids[same]] - log_V[given[same]]) <= limits.tie
        ties, parted = ties + is_tie, parted + (not is_tie)
    total = sum(len(one.ids) for one in asked.continued)
    return {"prompts": len(asked.continued), "tokens": total, "equal": equal, "near_ties": ties, "parted": parted}


def _until_end(ids: Sequence[int], ends: frozenset[int]) -> list[int]:
    end = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return list(ids[: end + 1])


def _faults(found: Mapping[str, Any], limits: Limits) -> Iterator[str]:
    differences, delta = found["log_probabilities"], found["evaluation"]["delta_bits_per_byte"]
    greedy = found["greedy"]
    for name in ("mean", "p99", "largest"):
        allowed = asdict(limits)[name]
        if not differences[name] <= allowed:  # also true for NaN
            yield f"log-probabilities differ by {differences[name]:.2g} ({name}), allowed are {allowed:g}"
    if not abs(delta) <= limits.bits_per_byte:
        yield f"bits per byte change by {delta:+.2g}, allowed are {limits.bits_per_byte:g}"
    if greedy["parted"]:
        yield (
            f"{greedy['parted']} of {greedy['prompts']} greedy continuations part "
            "where the trained model is not undecided"
        )


def compare_tokenisation(reader: Reader, reference: Reference, texts: Iterable[str]) -> Tokenisation:
    """Tokenise texts with the export's own tokenizer and with the trained model's; those with control names are not."""
    controls = _control_names(reference)
    size, count, differing, first = 0, 0, 0, ""
    rest = (text for text in texts if not any(name in text for name in controls))
    while batch := list(islice(rest, _TEXTS_AT_ONCE)):
        for text, own, ours in zip(batch, reader.tokenize(batch), reference.tokenize(batch), strict=True):
            size, count = size + len(text.encode("utf-8")), count + 1
            if own != ours:
                differing += 1
                first = first or _difference(reference, own, ours)
    return Tokenisation(size, count, differing, first)


def reads_control_names_as_text(reader: Reader, reference: Reference) -> bool:
    """Say what becomes of `<|eos|>` in what somebody wrote: text, as in all that is read here, or the control token.

    Programs that give no choice do the latter: what people write must be cleaned of such names before it gets there.
    """
    spelled = [f"before {name} behind" for name in _control_names(reference)]
    return reader.tokenize(spelled) == reference.tokenize(spelled)


def tokenisation_faults(documents: Tokenisation, made_up: Tokenisation) -> Iterator[str]:
    """Say what is wrong: any difference in documents, or many where rare characters meet."""
    if documents.differing:
        yield f"{documents.differing} of {documents.texts} texts are tokenised differently: {documents.first}"
    if made_up.differing > RARE * made_up.texts:
        yield f"{made_up.differing} of {made_up.texts} made-up texts are tokenised differently: {made_up.first}"


def _control_names(reference: Reference) -> list[str]:
    return [token.content for token in reference.tokenizer.get_added_tokens_decoder().values() if token.special]


def _difference(reference: Reference, own: Sequence[int], ours: Sequence[int]) -> str:
    place = next((n for n, (a, b) in enumerate(zip(own, ours, strict=False)) if a != b), min(len(own), len(ours)))
    around = slice(max(place - 1, 0), place + 3)
    spelled = [[reference.tokenizer.id_to_token(token) for token in ids[around]] for ids in (own, ours)]
    return f"{spelled[0]} instead of {spelled[1]}"
