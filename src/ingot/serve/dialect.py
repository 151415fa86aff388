"""What differs between the two APIs once a request is understood. `openai_api` and `mistral_api` hold one each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ingot.serve.ports import ModelCard
from ingot.serve.refusal import Refusal

# Why an answer ended; `context` where the model's context was full before `max_tokens` were written, `filtered` where a
# policy did not let the rest pass.
Finish = Literal["stop", "length", "context", "tool_calls", "filtered"]


@dataclass(frozen=True)
class Dialect:
    """How one API says what both can say.

    `usage_in_last_piece` tells where a stream carries its usage: in the piece that ends the answer, or, when the
    caller asked for it, in a piece of its own.
    """

    name: Literal["openai", "mistral"]
    finish_reasons: Mapping[Finish, str]
    usage_in_last_piece: bool
    status: Callable[[Refusal], int]
    error: Callable[[Refusal], dict[str, Any]]
    card: Callable[[ModelCard], dict[str, Any]]
