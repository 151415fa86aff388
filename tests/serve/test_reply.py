from __future__ import annotations

import json

from ingot.infer.text import Token
from ingot.serve.openai_api import CompletionRequest, WireUsage
from ingot.serve.reply import CompletionDialect, completion_logprobs, event
from ingot.serve.request import from_completion
from tests.serve.running import PacedEngine, served


def test_the_token_that_ended_the_text_has_no_place_in_log_probabilities(engine: PacedEngine) -> None:
    (letter,) = engine.codec.encode("e")
    tokens = [Token(letter, "e", -0.5), Token(engine.codec.eos, "", -0.1, finish="stop")]
    told = completion_logprobs(tokens, engine.codec, 7)
    assert told.tokens == ["e"]
    assert told.token_logprobs == [-0.5]
    assert told.text_offset == [7]


def test_usage_is_said_last_and_only_when_asked_for(engine: PacedEngine) -> None:
    dialect = CompletionDialect(from_completion(CompletionRequest(model="acme", prompt="x"), served(engine)))
    piece = dialect.piece(0, Token(300, "a"), 0)
    assert "usage" not in json.loads(event(piece, False).removeprefix("data: "))
    assert json.loads(event(piece, True).removeprefix("data: "))["usage"] is None
    last = dialect.usage(WireUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3))
    assert json.loads(event(last, True).removeprefix("data: "))["usage"]["total_tokens"] == 3
