"""Say what a vocabulary is worth on text it was not learned from.

Bytes per token is the figure that matters: a model pays for tokens and people count bytes, so 10% more bytes per
token is 10% less work for the same text. It is given for each kind of document, parser and language too, because an
average hides what is served badly; tokens per word (fertility) says the same in the unit of the literature (Rust et al.
2021, section 3), for scripts that put blanks between words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from ingot.core.tables import read_rows
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.pieces import pieces
from ingot.tokenizer.sample import LANGUAGE, language_of

_SAMPLE_BYTES = 2_000_000
_MOST_GROUPS = 20  # of a kind, in the facts


@dataclass(frozen=True)
class Opening:
    """The first piece of a document, and the groups it counts for: its kind, parser and language."""

    text: str
    groups: Mapping[str, str]


def _groups() -> dict[str, dict[str, Counter[str]]]:
    return defaultdict(lambda: defaultdict(Counter))


@dataclass
class Worth:
    """What was counted in some texts, whole and by group; `uses` tells how often each token occurred."""

    uses: npt.NDArray[np.int64]
    counts: Counter[str] = field(default_factory=Counter)
    by_group: dict[str, dict[str, Counter[str]]] = field(default_factory=_groups)

    def add(self, opening: Opening, ids: npt.NDArray[Any]) -> None:
        """Count one text and its tokens."""
        self.uses += np.bincount(ids, minlength=len(self.uses))
        self.count(opening, len(ids))

    def count(self, opening: Opening, tokens: int) -> None:
        """Count one text that has so many tokens."""
        counted = Counter(bytes=len(opening.text.encode()), tokens=tokens, words=len(opening.text.split()))
        self.counts.update(counted)
        for group, name in opening.groups.items():
            self.by_group[group][name].update(counted)


def measure(codec: Codec, files: Sequence[Path] | Path, sample_bytes: int = _SAMPLE_BYTES) -> dict[str, Any]:
    """Encode up to `sample_bytes` of the documents in Parquet files, and return the figures (:func:`figures`)."""
    return figures(worth(codec, list(openings(files, sample_bytes))), codec)


def worth(codec: Codec, texts: Sequence[Opening]) -> Worth:
    """Encode texts and count."""
    counted = Worth(np.zeros(codec.vocabulary, dtype=np.int64))
    for number, ids in codec.encode_parts(opening.text for opening in texts):
        counted.add(texts[number], np.asarray(ids, dtype=np.int64))
    return counted


def figures(counted: Worth, codec: Codec) -> dict[str, Any]:
    """Return the figures of counted texts.

    Keys: `measured_bytes`, `bytes_per_token`, `tokens_per_word`, `single_byte_share` (tokens that fell back to one
    byte of a character outside ASCII), `bytes_per_token_by_kind` (by media type, most text first), and `by_parser` and
    `by_language` with bytes, bytes per token and tokens per word of each. A language is what the documents say, or
    else their script.
    """
    fragments = [token_id for token_id in range(codec.vocabulary) if _is_fragment(codec.token_bytes(token_id))]
    total = counted.counts
    by_kind = _most(counted.by_group["media_type"])
    return {
        "measured_bytes": total["bytes"],
        "bytes_per_token": round(total["bytes"] / max(1, total["tokens"]), 4),
        "tokens_per_word": round(total["tokens"] / max(1, total["words"]), 4),
        "single_byte_share": round(int(counted.uses[fragments].sum()) / max(1, total["tokens"]), 5),
        "bytes_per_token_by_kind": {name: _rates(counts)["bytes_per_token"] for name, counts in by_kind.items()},
        "by_parser": {name: _rates(counts) for name, counts in _most(counted.by_group["parser"]).items()},
        "by_language": {name: _rates(counts) for name, counts in _most(counted.by_group[LANGUAGE]).items()},
    }


def compare(own: Worth, general: Tokenizer, texts: Sequence[Opening]) -> dict[str, Any]:
    """Return how another vocabulary, whoever made it, does on the texts that `own` was counted on.

    Keys: its `vocabulary`, `bytes_per_token`, `tokens_per_word`, and the share of its tokens that one's own vocabulary
    does without, `saved` in all and `saved_by_language`.
    """
    general.encode_special_tokens = True
    encodings = general.encode_batch_fast([opening.text for opening in texts], add_special_tokens=False)
    counted = Worth(np.zeros(0, dtype=np.int64))
    for opening, encoding in zip(texts, encodings, strict=True):
        counted.count(opening, len(encoding.ids))
    languages = _most(counted.by_group[LANGUAGE])
    saved = {name: _saved(own.by_group[LANGUAGE][name], counts) for name, counts in languages.items()}
    return {
        "vocabulary": general.get_vocab_size(),
        **{name: rate for name, rate in _rates(counted.counts).items() if name != "bytes"},
        "saved": _saved(own.counts, counted.counts),
        "saved_by_language": saved,
    }


def openings(files: Sequence[Path] | Path, sample_bytes: int = _SAMPLE_BYTES) -> Iterator[Opening]:
    """Yield the first piece of each document until enough was read: many documents, not one long one."""
    left = sample_bytes
    for path in [files] if isinstance(files, Path) else files:
        wanted = [name for name in ("media_type", "parser", LANGUAGE) if name in pq.read_schema(path).names]
        for row in read_rows(path, ["text", *wanted]):
            text = next(pieces(row["text"]), "")
            if text:
                stated = {"media_type": row.get("media_type") or "text", "parser": row.get("parser") or "none"}
                yield Opening(text, {**stated, LANGUAGE: language_of(row.get(LANGUAGE), text)})
                left -= len(text.encode())
            if left <= 0:
                return


def _most(groups: Mapping[str, Counter[str]]) -> dict[str, Counter[str]]:
    """Return the groups with the most text, the largest first."""
    ordered = sorted(groups.items(), key=lambda item: (-item[1]["bytes"], item[0]))
    return dict(ordered[:_MOST_GROUPS])


def _rates(counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "bytes": counts["bytes"],
        "bytes_per_token": round(counts["bytes"] / max(1, counts["tokens"]), 3),
        "tokens_per_word": round(counts["tokens"] / max(1, counts["words"]), 3),
    }


def _saved(own: Mapping[str, int], general: Mapping[str, int]) -> float:
    return round(1 - own["tokens"] / max(1, general["tokens"]), 4)


def _is_fragment(token: bytes) -> bool:
    return len(token) == 1 and token[0] >= 0x80
