from __future__ import annotations

import json
from typing import Any

from ingot.infer.text import Token
from ingot.serve.answers.completion import CompletionVoice
from ingot.serve.answers.logprobs import completion_logprobs
from ingot.serve.answers.reading import Said
from ingot.serve.asks.completion import from_completion
from ingot.serve.openai_api import DIALECT, CompletionRequest
from ingot.serve.wire.fields import StreamOptions
from ingot.serve.wire.replies import WireUsage
from tests.serve.running import PacedEngine, served


def test_the_token_that_ended_the_text_has_no_place_in_log_probabilities(engine: PacedEngine) -> None:
    (letter,) = engine.codec.encode("e")
    tokens = [Token(letter, "e", -0.5), Token(engine.codec.eos, "", -0.1, finish="stop")]
    told = completion_logprobs(tokens, engine.codec, 7)
    assert told.tokens == ["e"]
    assert told.token_logprobs == [-0.5]
    assert told.text_offset == [7]


def told(engine: PacedEngine, options: StreamOptions | None) -> list[dict[str, Any]]:
    """Return the pieces of a stream of one word."""
    request = CompletionRequest(model="acme", prompt="x", stream=True, stream_options=options)
    voice = CompletionVoice(from_completion(request, served(engine)), DIALECT)
    events = [
        *voice.part(0, Said("a")),
        *voice.closing(WireUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3)),
    ]
    assert events[-1] == "data: [DONE]\n\n"
    return [json.loads(one.removeprefix("data: ")) for one in events[:-1]]


def test_usage_is_said_last_and_only_when_asked_for(engine: PacedEngine) -> None:
    (piece,) = told(engine, None)
    assert "usage" not in piece
    piece, last = told(engine, StreamOptions(include_usage=True))
    assert piece["usage"] is None
    assert last["usage"]["total_tokens"] == 3
