"""Rules: which annotated documents are dropped. A person writes them down; nothing is dropped by measuring alone.

A rule looks at one column of a dataset and says what is too much, too little or unwanted, as a number, as a share of
the corpus' own documents (a quantile), or as words. The same rules are tried on a dataset before they are used: see
`ingot data rules`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ingot.core.errors import UsageError, suggest

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """Drop documents whose `column` fulfils any of the conditions; `name` is the reason that will be given.

    Quantiles are between 0 and 1, over all documents or those of the parsers in `only_parsers`: `above_quantile=0.99`
    drops the highest hundredth. `one_of` and `none_of` compare words; yes and no columns hold "true" and "false", and
    a missing value is "". Code is exempt from a rule about prose by `except_parsers=("code",)`.
    """

    name: str
    column: str
    below: float | None = None
    above: float | None = None
    below_quantile: float | None = None
    above_quantile: float | None = None
    one_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    only_parsers: tuple[str, ...] = ()
    except_parsers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise UsageError for what can be told before a document is read."""
        for quantile in (self.below_quantile, self.above_quantile):
            if quantile is not None and not 0 <= quantile <= 1:
                fix = "give a share between 0 and 1"
                raise UsageError(f"rule {self.name!r} has a quantile of {quantile}", fix=fix)
        limits = (self.below, self.above, self.below_quantile, self.above_quantile)
        if not (self.one_of or self.none_of) and all(limit is None for limit in limits):
            fix = "give it one of below, above, below_quantile, above_quantile, one_of and none_of"
            raise UsageError(f"rule {self.name!r} has no condition", why="it would drop nothing", fix=fix)


def matching(rule: Rule, columns: Mapping[str, Sequence[Any] | npt.NDArray[Any]], parsers: Sequence[str]) -> Booleans:
    """Return which documents the rule drops. Raises UsageError for a column or a condition that makes no sense."""
    if rule.column not in columns:
        raise UsageError(
            f"rule {rule.name!r} looks at column {rule.column!r}, which this dataset does not have",
            fix=suggest(rule.column, columns),
        )
    names = np.asarray(parsers, dtype=object)
    is_judged = np.ones(len(names), np.bool_)
    if rule.only_parsers:
        is_judged &= np.isin(names, rule.only_parsers)
    if rule.except_parsers:
        is_judged &= ~np.isin(names, rule.except_parsers)
    values = np.asarray(columns[rule.column])
    if _has_numbers(values):
        return is_judged & _by_number(rule, values.astype(np.float64), is_judged)
    return is_judged & _by_word(rule, values)


def _has_numbers(values: npt.NDArray[Any]) -> bool:
    return bool(np.issubdtype(values.dtype, np.number))


def _by_number(rule: Rule, values: npt.NDArray[np.float64], is_judged: Booleans) -> Booleans:
    if rule.one_of or rule.none_of:
        raise UsageError(f"rule {rule.name!r} compares numbers with words", fix="use below, above or their quantiles")
    is_dropped = np.zeros(len(values), np.bool_)
    judged = values[is_judged & np.isfinite(values)]
    if rule.below is not None:
        is_dropped |= values < rule.below
    if rule.above is not None:
        is_dropped |= values > rule.above
    if rule.below_quantile is not None and len(judged):
        is_dropped |= values < np.quantile(judged, rule.below_quantile)
    if rule.above_quantile is not None and len(judged):
        is_dropped |= values > np.quantile(judged, rule.above_quantile)
    return is_dropped


def _by_word(rule: Rule, values: npt.NDArray[Any]) -> Booleans:
    if not (rule.one_of or rule.none_of):
        raise UsageError(f"rule {rule.name!r} compares words with numbers", fix="use one_of or none_of")
    words = [as_word(value) for value in values.tolist()]
    unwanted, wanted = frozenset(rule.one_of), frozenset(rule.none_of)
    return np.array([word in unwanted or (bool(wanted) and word not in wanted) for word in words], np.bool_)


def as_word(value: Any) -> str:
    """Return a value as rules write it.

    >>> [as_word(value) for value in (True, None, "de")]
    ['true', '', 'de']
    """
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool | np.bool_) else str(value)
