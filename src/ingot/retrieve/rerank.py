"""The first passages, put in order again by whoever reads them together with the question.

This room does not know which model reads: it takes a function. `ingot.evaluate.reading.query_likelihood` makes one of
any language model, without training: how probable the question is behind the passage (Ponte and Croft 1998; with
language models as they are today Sachan et al. 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

# How well each of some passages fits the question; higher is better.
Reranker = Callable[[str, Sequence[str]], Sequence[float]]
