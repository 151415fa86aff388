"""A language model as the judge of which passage answers a question: how probable the question is behind each.

A passage that answers a question makes it less surprising. This is query likelihood (Ponte and Croft 1998), with a
language model that was trained for nothing of the kind (Sachan et al. 2022, "Improving passage retrieval with zero-shot
question generation", whose prompt is this one, shortened). Any model of the home can do it; how well it does is for
`ingot evaluate` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingot.evaluate.likelihood import Weigher
from ingot.evaluate.task import BEFORE_ANSWER
from ingot.retrieve.rerank import Reranker

_PROMPT = "{passage}\n\nQuestion:"


def query_likelihood(folder: Path) -> Reranker:
    """Return a reranker: the mean log-probability of a token of the question behind each passage.

    Of a passage that is too long for the model, the beginning is cut. Raises InputError for a folder that is no model,
    and, asked, for a question longer than the model's context.
    """
    weigher = Weigher(folder)

    def scores(query: str, passages: Sequence[str]) -> list[float]:
        asked = [(_PROMPT.format(passage=passage), (BEFORE_ANSWER + query.strip(),)) for passage in passages]
        return [weighed.log_probability / weighed.tokens for (weighed,) in weigher.weigh(asked)]

    return scores
