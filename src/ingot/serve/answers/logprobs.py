"""Log-probabilities as the routes tell them. The token that ended the text is not told."""

from __future__ import annotations

from collections.abc import Sequence

from ingot.infer.text import Token
from ingot.serve.wire.replies import ChatLogprobs, CompletionLogprobs, TokenLogprob, TopLogprob
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec


def completion_logprobs(tokens: Sequence[Token], codec: Codec, offset: int) -> CompletionLogprobs:
    """Return log-probabilities as `/v1/completions` tells them."""
    told = _told(tokens, codec)
    offsets, place = [], offset
    for token in told:
        offsets.append(place)
        place += len(token.text)
    return CompletionLogprobs(
        tokens=[_text(token.id, codec) for token in told],
        token_logprobs=[token.logprob for token in told if token.logprob is not None],
        top_logprobs=[{_text(other, codec): value for other, value in reversed(token.top)} for token in told],
        text_offset=offsets,
    )


def chat_logprobs(tokens: Sequence[Token], codec: Codec) -> ChatLogprobs:
    """Return log-probabilities as `/v1/chat/completions` tells them."""
    return ChatLogprobs(
        content=[
            TokenLogprob(
                token=_text(token.id, codec),
                logprob=token.logprob or 0.0,
                bytes=list(codec.token_bytes(token.id)),
                top_logprobs=[_top(other, value, codec) for other, value in token.top],
            )
            for token in _told(tokens, codec)
        ]
    )


def _told(tokens: Sequence[Token], codec: Codec) -> list[Token]:
    return [token for token in tokens if token.id not in stop_ids(codec)]


def _top(token_id: int, logprob: float, codec: Codec) -> TopLogprob:
    return TopLogprob(token=_text(token_id, codec), logprob=logprob, bytes=list(codec.token_bytes(token_id)))


def _text(token_id: int, codec: Codec) -> str:
    return codec.token_bytes(token_id).decode("utf-8", errors="replace")
