"""Requests to judge texts, and what is answered: moderation by policies, and classes by models that tell them apart."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from ingot.serve.wire.chat import MOST_MESSAGES, Message, TextPart
from ingot.serve.wire.fields import Asked, told

MOST_TEXTS = 512
Texts = Annotated[
    str | Annotated[list[str], Field(min_length=1, max_length=MOST_TEXTS)],
    told(f"a string or a list of 1 to {MOST_TEXTS} strings"),
]
TextsOrParts = Annotated[
    str
    | Annotated[list[str], Field(min_length=1, max_length=MOST_TEXTS)]
    | Annotated[list[TextPart], Field(min_length=1, max_length=MOST_TEXTS)],
    told(f"a string, a list of 1 to {MOST_TEXTS} strings, or a list of parts of the type text"),
]
Conversation = Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
Conversations = Annotated[
    Conversation | Annotated[list[Conversation], Field(min_length=1, max_length=MOST_TEXTS)],
    told("a list of messages, or a list of such lists"),
]


class ModerationRequest(Asked):
    """`POST /v1/moderations`, OpenAI: `model` may name a policy; without it, or with a name of theirs, the default."""

    model: str | None = None
    input: TextsOrParts


class MistralModerationRequest(Asked):
    """`POST /v1/moderations`, Mistral."""

    model: str
    input: Texts
    metadata: dict[str, Any] | None = None


class ChatModerationRequest(Asked):
    """`POST /v1/chat/moderations`: the last message of each conversation is judged."""

    model: str
    input: Conversations
    metadata: dict[str, Any] | None = None
    truncate_for_context_length: bool | None = None


class ClassificationRequest(Asked):
    """`POST /v1/classifications`."""

    model: str
    input: Texts
    metadata: dict[str, Any] | None = None


class InstructRequest(Asked):
    """One conversation of `POST /v1/chat/classifications`."""

    messages: Conversation


class ChatClassificationRequest(Asked):
    """`POST /v1/chat/classifications`."""

    model: str
    input: Annotated[
        InstructRequest | Annotated[list[InstructRequest], Field(min_length=1, max_length=MOST_TEXTS)],
        told("a conversation as an object with messages, or a list of such objects"),
    ]


class Moderated(BaseModel):
    """What a policy says of one text.

    `uncovered` names the categories that nothing here can tell: they have no score, and null in the OpenAI API, whose
    clients expect every name.
    """

    flagged: bool
    categories: dict[str, bool | None]
    category_scores: dict[str, float | None]
    category_applied_input_types: dict[str, list[str]] | None = None
    uncovered: list[str]
    action: str | None


class Moderation(BaseModel):
    """The answer of `/v1/moderations` and `/v1/chat/moderations`; `model` is the policy."""

    id: str
    model: str
    results: list[Moderated]


class TargetScores(BaseModel):
    """The probability of every class."""

    scores: dict[str, float]


class Classification(BaseModel):
    """The answer of `/v1/classifications` and `/v1/chat/classifications`."""

    id: str
    model: str
    results: list[dict[str, TargetScores]]
