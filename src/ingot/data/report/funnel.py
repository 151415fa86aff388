"""The funnel from files to tokens: what went in at each stage, what went on, and what was lost for which reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingot.core.storage import as_size
from ingot.data.report.contents import Contents
from ingot.data.report.origin import Origin
from ingot.data.report.tally import Count, Tally, together
from ingot.data.shards import Shards

MOST_LOSSES = 6
_THINNEST = 0.4  # percent of the width: what is there is seen


@dataclass(frozen=True)
class Row:
    """One bar in percent of the width: where it starts, how long it is, and what is written beside it.

    `kind` is stage, loss, aside (kept for another use) or own (what the model learns from).
    """

    name: str
    start: float
    width: float
    amount: str
    kind: str = "stage"


@dataclass(frozen=True)
class Tokens:
    """The tokens a dataset became: of the text to train on, with its documents and share, and of the held-out text."""

    reference: str
    train: int
    held_out: int
    documents: int
    share: float


@dataclass(frozen=True)
class _Scale:
    """Bytes as a place on the width."""

    whole: int

    def row(self, name: str, start: int, count: Count, kind: str) -> Row:
        left, width = 100 * start / self.whole, 100 * count.bytes / self.whole
        thick = max(width, _THINNEST) if count.documents else 0.0
        left = min(left, 100 - thick)
        return Row(name, round(max(left, 0), 2), round(min(thick, 100), 2), _amount(count), kind)


def tokens_of(origin: Origin) -> Tokens | None:
    """Count the tokens as they lie there now, after what was erased."""
    if origin.shards is None:
        return None
    train, held_out = (Shards.open(origin.shards.path, split) for split in ("train", "held_out"))
    share = float(origin.shards.facts["train_fraction"])
    return Tokens(origin.shards.reference, train.token_count, held_out.token_count, train.document_count, share)


def files(origin: Origin) -> list[Row]:
    """Return the rows about files: what was found, and what could not be read, by reason."""
    if not origin.documents:
        return []
    tried = int(origin.counted["files"]) + sum(source.skipped for source in origin.sources)
    size = sum(source.bytes for source in origin.sources)
    first = Row("Files at the sources", 0, 100, f"{tried:,}, {as_size(size)}")
    failed = Tally()
    for reason, number in origin.counted.get("failures_by_reason", {}).items():
        failed.count(reason, Count(int(number), int(number)))
    return [first, *_losses("not read", failed, _Scale(max(tried, 1)), tried, as_files=True)]


def documents(origin: Origin, contents: Contents, reasons: Tally, tokens: Tokens | None) -> list[Row]:
    """Return the rows about documents: read, lost by reason, kept, held out, to train on; and tokens, if there are."""
    facts = origin.dataset.facts
    kept, dropped = contents.kept, reasons.total
    still = together([kept, dropped])
    erased = Count(max(int(facts["documents_in"]) - still.documents - _cut(facts), 0), 0)
    lost = Tally()
    for reason, count in [*reasons.items(), ("erased later", erased)]:
        lost.count(reason, count)
    scale = _Scale(max(still.bytes, 1))
    train, held_out = contents.by_table["train"], contents.by_table["held_out"]
    read = Count(int(facts["documents_in"]), still.bytes)
    rows = [
        scale.row("Documents", 0, read, "stage"),
        *_losses("dropped", lost, scale, still.bytes),
        scale.row("Kept", 0, kept, "stage"),
        scale.row("held out to judge by", train.bytes, held_out, "aside"),
        scale.row("To train on", 0, train, "stage" if tokens else "own"),
    ]
    return [*rows, *_tokens(tokens, train, scale)] if tokens else rows


def _tokens(tokens: Tokens, train: Count, scale: _Scale) -> list[Row]:
    taken = Count(tokens.documents, round(train.bytes * tokens.share))
    left = Count(max(train.documents - taken.documents, 0), train.bytes - taken.bytes)
    row = scale.row("Tokens", 0, taken, "own")
    named = Row(row.name, row.start, row.width, f"{tokens.train:,} from {tokens.documents:,} documents", "own")
    unused = [scale.row("more than the budget takes", taken.bytes, left, "loss")] if left.documents else []
    return [*unused, named]


def _losses(what: str, lost: Tally, scale: _Scale, end: int, *, as_files: bool = False) -> list[Row]:
    """Return a row for each reason, from the right end of the bar above to the left; rare ones together."""
    named = lost.items()
    if len(named) > MOST_LOSSES:
        rest = named[MOST_LOSSES - 1 :]
        named = [*named[: MOST_LOSSES - 1], (f"{len(rest)} other reasons", together(count for _, count in rest))]
    rows = []
    for reason, count in named:
        end -= count.bytes
        row = scale.row(f"{what}: {reason}", end, count, "loss")
        rows.append(Row(row.name, row.start, row.width, f"{count.documents:,}", "loss") if as_files else row)
    return rows


def _amount(count: Count) -> str:
    return f"{count.documents:,}" + (f", {as_size(count.bytes)}" if count.bytes else "")


def _cut(facts: Mapping[str, object]) -> int:
    """The one document that was cut in two is two rows."""
    return -1 if str(facts.get("held_out_by", "document")) != "document" else 0
