"""The labels of conversations as a page: totals, what is wrong with rows, and the first conversations token by token.

One HTML file that loads nothing. What is trained is told by colour, by a line under it and by brackets, so that it
stays readable without colour and on paper.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from ingot import __version__
from ingot.core import pages
from ingot.data.report.page import MARK, cut
from ingot.data.token_labels import Inspection, Labelled, token_texts
from ingot.tokenizer.codec import Codec

TEMPLATE = Path(__file__).with_name("token_labels.html.jinja")
_MOST_PROBLEMS, _MOST_TOKENS = 100, 4000


def render(found: Inspection, title: str, codec: Codec, today: str) -> str:
    """Return the page of an inspection."""
    values: dict[str, Any] = {
        **{"mark": MARK, "version": __version__, "today": today, "title": title},
        **{"number": "{:,}".format, "cut": cut, "totals": found.totals, "warning": found.warning},
        **{"problems": found.problems[:_MOST_PROBLEMS], "more": max(len(found.problems) - _MOST_PROBLEMS, 0)},
        "left_out": sum(each.is_left_out for each in found.problems),
        "conversations": [_runs(one, codec) for one in found.shown],
    }
    return pages.render(TEMPLATE, values)


def _runs(one: Labelled, codec: Codec) -> dict[str, Any]:
    """Return a conversation as runs of trained or masked tokens, as many tokens as a page bears."""
    texts = token_texts(one.ids[:_MOST_TOKENS], codec)
    # A line break shows its sign and then breaks the line.
    spelled = [text.replace("\n", "↵\n") for text in texts]
    runs = groupby(zip(one.trained, spelled, strict=False), key=lambda pair: pair[0])
    told = [{"is_trained": is_trained, "tokens": [text for _, text in run]} for is_trained, run in runs]
    return {
        **{"where": one.where, "runs": told, "size": len(one.ids), "trained": sum(one.trained)},
        "hidden": max(len(one.ids) - _MOST_TOKENS, 0),
    }
