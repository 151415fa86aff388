"""The gate that every version passes before a request reaches it."""

from __future__ import annotations

import math
from dataclasses import replace

from ingot.core.errors import InputError
from ingot.infer.engine import Engine
from ingot.infer.sampling import GREEDY

_TOKENS = 4


def smoke(engine: Engine) -> None:
    """Ask an engine for a few tokens. Raises InputError when what comes cannot be an answer.

    Weights that hold a NaN give no probabilities. A table of another vocabulary gives ids that mean nothing, or does
    not know the last ids of this one: hence the second prompt.
    """
    last = engine.codec.vocabulary - 1
    for prompt in ([engine.codec.bos], [engine.codec.bos, last]):
        try:
            _ask(engine, prompt)
        except (IndexError, RuntimeError) as error:
            raise _refused("the model cannot read its own vocabulary", str(error)) from error


def _ask(engine: Engine, prompt: list[int]) -> None:
    params = replace(GREEDY, max_tokens=_TOKENS, top_logprobs=min(1, engine.most_top_logprobs))
    tokens = list(engine.generate(prompt, params))
    known = range(engine.codec.vocabulary)
    if any(token.logprob is not None and not math.isfinite(token.logprob) for token in tokens):
        raise _refused("the model gives no probabilities")
    if not tokens or any(token.id not in known for token in tokens):
        raise _refused("the model writes no text")


def _refused(what: str, how: str = "") -> InputError:
    return InputError(
        what,
        why="its weights are damaged, or belong to another vocabulary" + (f" ({how})" if how else ""),
        fix="build it again; the version before it stays in the home",
    )
