"""The one door of RE2: patterns that are searched for in time linear in the text, whatever the pattern and the text.

Python's `re` backtracks: `(a+)+$` on thirty letters takes minutes (CVE-2025-2099 and its like). RE2 (Cox, 2007) runs
automata and has neither look-around nor back-references. Repetitions in our own patterns have upper bounds, so that
no search reads far beyond its match; a text of one repeated piece costs no more than prose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import re2

from ingot.core.errors import UsageError
from ingot.safety.text import Text

MOST_MEMORY_BYTES = 16 << 20

Span = tuple[int, int]


class Pattern:
    """A compiled pattern in RE2's syntax. Raises UsageError, naming `where`, for one that RE2 does not take."""

    def __init__(self, expression: str, *, where: str = "", ignore_case: bool = False) -> None:
        options = re2.Options()
        options.max_mem = MOST_MEMORY_BYTES
        options.log_errors = False
        options.case_sensitive = not ignore_case
        try:
            self._compiled = re2.compile(expression, options)
        except (re2.error, UnicodeEncodeError) as error:
            raise _refused(expression, where, error) from None
        self._groups = range(self._compiled.groups + 1)

    def spans(self, text: str) -> Iterator[Span]:
        """Yield the spans of all matches in characters, from left to right. Empty matches are left out."""
        for spans in self.groups(text):
            yield spans[0]

    def groups(self, text: str) -> Iterator[tuple[Span, ...]]:
        """Yield for each match its span and those of its groups; (-1, -1) for a group that took no part."""
        whole = Text.of(text)
        offsets = whole.offsets
        for match in self._compiled.finditer(whole.utf8):
            if match.end() > match.start():
                spans = tuple(match.span(number) for number in self._groups)
                yield spans if offsets is None else tuple(_characters(span, offsets) for span in spans)

    def occurs(self, text: str) -> bool:
        """Say whether the pattern matches anywhere."""
        return self._compiled.search(Text.of(text).utf8) is not None


class AnyOf:
    """Several patterns, tried in one pass over a text: which of them occur anywhere."""

    def __init__(self, expressions: Sequence[str]) -> None:
        options = re2.Options()
        options.max_mem = 4 * MOST_MEMORY_BYTES
        self._expressions = tuple(expressions)
        self._set = re2.Set.SearchSet(options)
        for expression in self._expressions:
            self._set.Add(expression)
        self._set.Compile()

    def occurring(self, text: str) -> frozenset[str]:
        """Return the patterns that occur."""
        return frozenset(self._expressions[number] for number in self._set.Match(Text.of(text).utf8) or ())


def _characters(span: Span, offsets: npt.NDArray[np.int64]) -> Span:
    start, end = span
    return (int(offsets[start]), int(offsets[end])) if start >= 0 else span


def _refused(expression: str, where: str, error: Exception) -> UsageError:
    said = error.args[0] if error.args else ""
    reason = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return UsageError(
        f"the regular expression {expression!r} cannot be used: {reason}",
        where=where,
        why="patterns run on RE2, which is safe on any text but knows no look-around and no back-references",
        fix="write it in RE2's syntax (github.com/google/re2/wiki/Syntax)",
    )
