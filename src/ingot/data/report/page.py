"""The page: one pass over the dataset, then a section after the other, filled into the template."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from ingot import __version__
from ingot.core import pages
from ingot.core.storage import as_size
from ingot.data.explore import columns
from ingot.data.report import attention, origin, sections, tables
from ingot.data.report.masking import masked_name
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home

TEMPLATE = Path(__file__).with_name("report.html.jinja")
MARK = "Ingot data report"  # says on the page what it is, so that nothing else is ever written over

_LONGEST_NAME, _LONGEST_WORDS = 120, 300


def render(home: Home, dataset: Artifact, today: date) -> str:
    """Return the report on a dataset as HTML. Raises InputError for an artifact that is no dataset."""
    columns(dataset.path)
    gathered = sections.Gathered.of(dataset)
    for part in tables.read(dataset.path):
        gathered.add(part)
    traced = origin.trace(home, dataset)
    values: dict[str, Any] = {
        **{"mark": MARK, "version": __version__, "today": today.isoformat()},
        **{"number": "{:,}".format, "size": as_size, "shown": shown_name, "cut": cut, "all_of": all_of},
        **{"documents": attention.documents, "day": origin.day},
        **sections.head(traced, gathered, today),
        **sections.losses(traced, gathered),
        **sections.personal_data(traced, gathered),
        **sections.contents(gathered),
        **sections.quality(traced, gathered),
        **sections.repeats(traced, gathered),
        **sections.record(traced, gathered),
    }
    return pages.render(TEMPLATE, values)


@lru_cache(maxsize=1000)
def shown_name(uri: str) -> str:
    """Return a document's name as it may be shown: personal data masked, the middle of a long one left out."""
    name = masked_name(uri)
    half = _LONGEST_NAME // 2
    return name if len(name) <= _LONGEST_NAME else f"{name[:half]} ... {name[-half:]}"


def cut(words: object) -> str:
    """Return words from outside, no longer than a page bears."""
    text = str(words)
    return text if len(text) <= _LONGEST_WORDS else text[:_LONGEST_WORDS] + " ..."


def all_of(words: Sequence[str], last: str = "and") -> str:
    """Return words as a list in a sentence.

    >>> all_of(["licence"]), all_of(["licence", "owner", "region"])
    ('licence', 'licence, owner and region')
    """
    return f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
