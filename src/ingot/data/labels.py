"""The step that makes shards of labelled texts, for a model that tells classes apart.

A source holds JSON Lines, `{"text": ..., "label": ...}` each, or `{"doc_id": ..., "label": ...}` as `ingot data label`
writes them: those texts are taken from the inputs. A label of null is a document that was skipped. An example becomes a
document of the shards that ends with its end mark and, behind it, a token that stands for its class (`labels.json` says
which); no token before it can see that one. Texts longer than a row are cut at their end.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError, UsageError
from ingot.core.storage import write_atomically
from ingot.data.example_lines import check_share, is_held_out, lines
from ingot.data.records import as_text
from ingot.data.reference_texts import read_texts
from ingot.data.whole_rows import (
    Example,
    Piece,
    facts_of,
    report_failures,
    write_rows,
)
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.tokenizer.codec import Codec

FILE = "labels.json"
_MARKS = 3  # the beginning, the end and the class
_FIX = 'write one {"text": ..., "label": ...} a line'


@dataclass(frozen=True)
class Config:
    """The names of the fields, how many tokens a row has, and the share of examples kept aside to measure on.

    The longest text that is read whole has three tokens less than a row.
    """

    text: str = "text"
    label: str = "label"
    row_tokens: int = 512
    held_out_share: float = 0.1

    def __post_init__(self) -> None:
        check_share(self.held_out_share, "labels")
        if self.row_tokens <= _MARKS:
            raise UsageError(f"row_tokens is {self.row_tokens}", where="labels", fix="choose 512, or as texts are long")


@dataclass(frozen=True)
class Labels:
    """The classes by number: their names, and the tokens that stand for them behind a text."""

    names: tuple[str, ...]
    tokens: tuple[int, ...]


@dataclass
class _Read:
    """Labelled texts by where they stand, and the lines that are none."""

    examples: list[tuple[str, str, str]] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)


def tokenize(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write the labelled texts of the sources as shards of the `tokenizer`.

    Raises InputError when there are not two classes, or one has no example to learn from.
    """
    read = _read(config, inputs, context)
    folder = inputs["tokenizer"].path
    codec = Codec.load(folder)
    names = tuple(sorted({label for _, _, label in read.examples}))
    kept = Counter(label for where, text, label in read.examples if not _is_held_out(text, label, config))
    _refuse_too_little(names, kept, read, context)
    labels = Labels(names, _ordinary(codec, len(names)))
    token_of = dict(zip(labels.names, labels.tokens, strict=True))
    cut = 0

    def examples() -> Iterator[tuple[str, Example]]:
        nonlocal cut
        for where, text, label in read.examples:
            ids = codec.encode(text)
            cut += len(ids) > config.row_tokens - _MARKS
            ids = [codec.bos, *ids[: config.row_tokens - _MARKS], codec.eos, token_of[label]]
            split = "held_out" if _is_held_out(text, label, config) else "train"
            yield split, [Piece(where, len(text.encode()), ids)]

    counted = write_rows(examples, codec, folder, context.folder, config.row_tokens)
    write_atomically(context.folder / FILE, json.dumps({"names": names, "tokens": labels.tokens}, indent=1) + "\n")
    report_failures(read.failures, context)
    if cut:
        context.emit("note", text=f"{cut} texts are longer than a row: their beginning is read")
    numbers = {"labels": list(names), "examples": dict(sorted(kept.items())), "cut": cut}
    return {**facts_of(counted, config.row_tokens), **numbers, "failures": len(read.failures)}


def read_labels(folder: Path) -> Labels:
    """Return the classes of shards. Raises InputError when they have none."""
    try:
        written = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Labels(tuple(written["names"]), tuple(written["tokens"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "these shards have no labels",
            where=str(folder),
            why=f"{FILE} cannot be read ({type(error).__name__})",
            fix="make them with the step ingot.data.labels:tokenize",
        ) from error


def _read(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> _Read:
    read, by_id = _Read(), dict[str, str]()
    for where, line in lines(context.sources):
        try:
            record = json.loads(line)
            given, label = record.get(config.text, record.get("doc_id")), record[config.label]
            str(given).encode()  # JSON can write half a character, which is no text
        except (ValueError, KeyError, AttributeError, RecursionError) as error:
            reason = f"no {config.label!r}" if isinstance(error, KeyError) else str(error)
            read.failures.append({"where": where, "reason": reason})
            continue
        if label is None:
            continue
        if not isinstance(given, str) or isinstance(label, dict | list):
            read.failures.append({"where": where, "reason": f"no text in {config.text!r}, or more than one label"})
        elif config.text in record:
            read.examples.append((where, given, as_text(label)))
        else:
            by_id[given] = as_text(label)
    for name, made in inputs.items() if by_id else ():
        if name != "tokenizer":
            read.examples += [(key, text, by_id.pop(key)) for key, text in read_texts(made.path) if key in by_id]
    read.failures += [{"where": doc_id, "reason": "in no input, erased or changed"} for doc_id in by_id]
    return read


def _is_held_out(text: str, label: str, config: Config) -> bool:
    return is_held_out(text.strip().encode("utf-8", "surrogatepass"), config.held_out_share)


def _ordinary(codec: Codec, count: int) -> tuple[int, ...]:
    """Return the first ids that stand for text: control ids mean something where they stand."""
    found = [token for token in range(codec.vocabulary) if codec.token_bytes(token)][:count]
    if len(found) < count:
        raise InputError(
            f"there are {count} labels and {len(found)} tokens to stand for them",
            where="labels",
            fix="use a tokenizer with a larger vocabulary, or put labels together",
        )
    return tuple(found)


def _refuse_too_little(names: tuple[str, ...], kept: Mapping[str, int], read: _Read, context: StepContext) -> None:
    missing = [name for name in names if not kept.get(name)]
    if len(names) >= 2 and not missing:
        return
    first: Any = read.failures[0] if read.failures else None
    what = f"no example of {missing[0]!r} is left to learn from" if missing else f"there are {len(names)} classes"
    raise InputError(
        f"a model cannot learn to tell these classes apart: {what}",
        where=", ".join(context.sources),
        why=f"{first['where']}: {first['reason']}" if first else "at least two are needed, with examples of each",
        fix="label more texts, or keep fewer aside (held_out_share)" if missing else _FIX,
    )
