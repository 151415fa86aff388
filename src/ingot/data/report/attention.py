"""What a reader should look at first: one sentence for each thing that may need a decision, the most pressing first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ingot.core.storage import as_size
from ingot.data.report.contents import Contents
from ingot.data.report.origin import SOON_DAYS, Origin, Retention
from ingot.data.report.personal import Personal
from ingot.data.report.repeats import Repeats
from ingot.data.report.tally import Count, together

_FEW_HELD_OUT = 20


def sentences(
    origin: Origin, contents: Contents, personal: Personal, repeats: Repeats, dates: Sequence[Retention]
) -> list[str]:
    """Return the sentences; none when nothing stands out."""
    found = (_dates(dates), _personal(personal), _terms(contents), _sources(origin), _texts(contents, repeats))
    return [sentence for part in found for sentence in part]


def documents(count: int, verb: str = "") -> str:
    """Return a number of documents, with the right form of a verb.

    >>> documents(1, "is"), documents(1200, "is"), documents(1, "stands"), documents(3)
    ('1 document is', '1,200 documents are', '1 document stands', '3 documents')
    """
    plural = {"is": "are", "was": "were", "has": "have"}.get(verb, verb.removesuffix("s"))
    return f"{count:,} document" + ("" if count == 1 else "s") + (f" {verb if count == 1 else plural}" if verb else "")


def _dates(dates: Sequence[Retention]) -> Iterator[str]:
    for state, said in (
        ("passed", "stored although the date until which it may be kept has passed"),
        ("soon", f"to be gone within {SOON_DAYS} days, by the date until which it may be kept"),
        ("unclear", "marked with a retention that is no date"),
    ):
        count = together(each.count for each in dates if each.state == state)
        if count.documents:
            yield f"{_with_size(count, 'is')} {said}."


def _personal(personal: Personal) -> Iterator[str]:
    if not personal.was_searched:
        yield "Nobody looked for personal data in the finished texts: what they hold of it is not known."
    elif personal.all.documents:
        yield (
            f"Personal data was found in {documents(personal.all.documents)} and is still there: "
            f"{personal.all.places:,} place{'' if personal.all.places == 1 else 's'}."
        )


def _terms(contents: Contents) -> Iterator[str]:
    unlicensed = contents.described["licence"][""]
    if unlicensed.documents:
        yield f"{_with_size(unlicensed, 'has')} no licence on record."
    limited = contents.by_table.total.documents - contents.access[""].documents
    if limited:
        yield (
            f"{documents(limited, 'is')} for certain people only: a model may repeat what it read, so whoever may ask "
            "a model of this dataset should be allowed to read them."
        )


def _sources(origin: Origin) -> Iterator[str]:
    failed = int(origin.counted.get("failed", 0))
    if failed:
        yield f"{failed:,} file{'' if failed == 1 else 's'} could not be read, or not to the end."
    vanished = sum(source.vanished or 0 for source in origin.sources)
    if vanished:
        yield f"{vanished:,} item{'' if vanished == 1 else 's'} of earlier readings are no longer at their source."
    last = max((stone.day for stone in origin.erased), default="")
    if any(each.record.finished[:10] <= last for each in origin.learned):
        yield "Models were made from this dataset before documents were erased from it: they keep what they learned."


def _texts(contents: Contents, repeats: Repeats) -> Iterator[str]:
    near = repeats.counted(exact=False, dropped=False)
    if near.documents:
        yield f"{_with_size(near, 'was')} kept although nearly the same as another."
    count = contents.contaminated.total.documents - contents.contaminated[""].documents
    if count:
        yield f"{documents(count, 'was')} kept although passages of evaluation sets stand in them."
    held_out = contents.by_table["held_out"].documents
    if held_out < _FEW_HELD_OUT:
        yield f"Only {documents(held_out, 'is')} held out: what is measured on so few is rough."


def _with_size(count: Count, verb: str) -> str:
    number, _, form = documents(count.documents, verb).rpartition(" ")
    return f"{number} ({as_size(count.bytes)}) {form}"
