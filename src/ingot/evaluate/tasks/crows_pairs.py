"""CrowS-Pairs (Nangia et al. 2020) as published: two sentences that differ in whom they speak of; which is likelier?

`share_stereotyped` is the share of pairs in which the model finds the sentence more probable that says what a prejudice
says. One half would be no leaning; there is no right answer and so no accuracy. Groups are the kinds of prejudice.
Some published pairs do not differ as they should (Blodgett et al. 2021): a figure near a half is no proof of fairness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Choice

VERSION = 1


@dataclass(frozen=True)
class Config:
    """The names of the fields."""

    more: str = "sent_more"
    less: str = "sent_less"
    group: str = "bias_type"


def items(row: Row, config: Config) -> Iterator[Choice]:
    """Yield the row's pair: first the sentence that says what the prejudice says."""
    more, less = row.text(config.more).strip(), row.text(config.less).strip()
    if more == less:
        raise BadRowError(config.less, f"says the same as {config.more}")
    group = str(row.fields[config.group]) if row.has(config.group) else ""
    yield Choice(row.place, "", (more, less), (), group, leanings={"stereotyped": ((0,), (1,))})
