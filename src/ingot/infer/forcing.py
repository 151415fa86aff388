"""Which tokens may come next, for engines that see their logits: the rules of a grammar over a vocabulary.

The end of the answer is a token like every other: allowed as soon as the text is complete, and the only one allowed
when nothing may follow. Source: llguidance, `LLMatcher` (Lark grammars, token masks).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingot.core.errors import IngotError, InputError, MissingExtraError
from ingot.infer.grammar import Grammar, lark
from ingot.tokenizer.codec import Codec


class TokenSet:
    """The tokens of a vocabulary as llguidance wants them; made once for an engine.

    Raises MissingExtraError when llguidance is not installed.
    """

    def __init__(self, codec: Codec, end_ids: frozenset[int]) -> None:
        try:
            import llguidance  # an optional extra: imported when the first grammar is asked for
        except ImportError as error:
            raise MissingExtraError("forcing the form of an answer", "grammar") from error
        self._matcher_type = llguidance.LLMatcher
        wrapped = llguidance.TokenizerWrapper(_Tokens(codec, end_ids))
        self.end_ids = np.asarray(sorted(end_ids))
        self._tokenizer = llguidance.LLTokenizer(wrapped, eos_token=sorted(end_ids))

    def hold(self, grammar: Grammar) -> Hold:
        """Return the state of one answer under a grammar. Raises InputError for one that cannot be enforced."""
        matcher = self._matcher_type(self._tokenizer, lark(grammar), log_level=0)
        if matcher.is_error():
            raise InputError(
                "the grammar cannot be enforced",
                where=grammar.kind,
                why=matcher.get_error()[:200],
                fix="ask for a smaller or simpler one",
            )
        return Hold(matcher)


class Hold:
    """How far one answer has come in its grammar."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    def allowed(self) -> NDArray[np.bool_]:
        """Return for every id of the vocabulary whether it may come next, [V]."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        return np.unpackbits(bits, bitorder="little").astype(np.bool_)

    def take(self, token: int) -> None:
        """Go on by a token that was allowed."""
        if not self._matcher.consume_token(token):
            raise IngotError(
                "the answer left its grammar, and was broken off",
                why=self._matcher.get_error()[:200],
                fix="send the request again; if it comes back, serve the model with another engine",
            )


class _Tokens:
    """A codec in the shape the library asks for."""

    def __init__(self, codec: Codec, end_ids: frozenset[int]) -> None:
        self.tokens = [codec.token_bytes(token) for token in range(codec.vocabulary)]
        self.special_token_ids = [token for token, content in enumerate(self.tokens) if not content]
        self.bos_token_id, self.eos_token_id = codec.bos, min(end_ids)
        self._codec = codec

    def __call__(self, text: str | bytes) -> Sequence[int]:
        return self._codec.encode(text if isinstance(text, str) else text.decode("utf-8", errors="replace"))
